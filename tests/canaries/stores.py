"""Everything that the product writes, as bytes: PostgreSQL's rows, Redis's keys, Temporal's database, logs, files."""

import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg
from redis.asyncio import Redis

Found = tuple[str, bytes]


async def rows(url: str) -> AsyncIterator[Found]:
    """Every row of every table of ours, its bytes as they are."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set bytea_output = 'escape'")
        for (table,) in await connection.fetch("select tablename from pg_tables where schemaname = 'public'"):
            for (row,) in await connection.fetch(f'select t::text from "{table}" t'):
                yield f"PostgreSQL {table}", row.encode()
    finally:
        await connection.close()


async def keys(url: str) -> AsyncIterator[Found]:
    """Every key of every Redis number with what it holds."""
    async with Redis.from_url(url) as redis:
        async for key in redis.scan_iter():
            kind = (await redis.type(key)).decode()
            match kind:
                case "string":
                    held = await redis.get(key)
                case "hash":
                    held = await redis.hgetall(key)
                case "list":
                    held = await redis.lrange(key, 0, -1)
                case "set":
                    held = await redis.smembers(key)
                case "zset":
                    held = await redis.zrange(key, 0, -1, withscores=True)
                case "stream":
                    held = await redis.xrange(key)
                case _:
                    raise AssertionError(f"{key} is a {kind}: say here how it is read")
            yield f"Redis {key.decode()}", key + b" " + (held if isinstance(held, bytes) else repr(held).encode())


def files(name: str, folder: Path) -> Iterator[Found]:
    return ((f"{name} {path.relative_to(folder)}", path.read_bytes()) for path in folder.rglob("*") if path.is_file())


def spellings(canary: str) -> set[bytes]:
    """A text as it may stand in bytes: plain, in a URL, in hexadecimal, in base64 at each of its three beginnings."""
    plain = canary.encode()
    shifted = {base64.b64encode(b"x" * ahead + plain)[4:-4].rstrip(b"=") for ahead in range(3)}
    return {plain, quote(canary, safe="").encode(), plain.hex().encode(), *shifted}
