"""Password hashes: argon2id, computed in few threads so that a storm of logins cannot take all processors."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError


class Passwords:
    def __init__(self, concurrency: int) -> None:
        self._hasher = PasswordHash.recommended()
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="password")
        self._dummy = self._hasher.hash("nobody's password")

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Whether it is the password; costs the same where there is no hash to compare with."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._verify, password, hashed or self._dummy) and bool(hashed)

    def _verify(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(password, hashed)
        except UnknownHashError:
            return False

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
