"""Password hashes: argon2id, computed in few threads of low priority, so that a storm of logins leaves the processors to others."""

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

# OWASP's password storage cheat sheet: 19 MiB, two passes. One lane, so that one hash takes one thread and no more.
_MEMORY_KIB, _PASSES, _LANES = 19_456, 2, 1
_NICENESS = 5


class Passwords:
    def __init__(self, concurrency: int) -> None:
        self._hasher = PasswordHash((Argon2Hasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES),))
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="password", initializer=_step_back)
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


def _step_back() -> None:
    # Linux keeps a niceness for each thread; elsewhere it would be the whole process's.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
