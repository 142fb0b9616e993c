"""Captchas: pictures whose code is kept in Redis for five minutes and can be tried once."""

import asyncio
import base64
import secrets

from captcha.image import ImageCaptcha
from redis.asyncio import Redis

SECONDS = 300
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


async def make(redis: Redis) -> tuple[str, str]:
    """A new one: its id and its picture as a data URL."""
    found, code = secrets.token_urlsafe(16), "".join(secrets.choice(_LETTERS) for _ in range(4))
    picture = await asyncio.to_thread(lambda: ImageCaptcha().generate(code, format="png").getvalue())
    await redis.set(f"captcha:{found}", code, ex=SECONDS)
    return found, f"data:image/png;base64,{base64.b64encode(picture).decode()}"


async def take(redis: Redis, captcha_id: str, code: str) -> bool:
    """Whether the code is right; right or wrong, it is used up."""
    kept = await redis.getdel(f"captcha:{captcha_id}")
    return isinstance(kept, str) and secrets.compare_digest(kept.encode(), code.strip().upper().encode())
