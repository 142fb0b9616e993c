"""Files: a folder by default, or a bucket of S3, Google Cloud or Azure by `STORAGE_URL`. The only place that knows obstore.

An object appears whole or not at all: a folder's is renamed into place, a bucket's is completed. Keys are ours alone
(`runs/<id>/…`, `files/<id>`), never a user's text.
"""

import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, ObjectStore, S3Store, from_url

from agents_backend.domain.errors import NotFound, StorageFull, Unavailable
from agents_backend.settings import StorageSettings

CHUNK = 256 * 1024
# ENOSPC and EDQUOT of a folder; what MinIO and Ceph answer when a bucket is full.
_FULL = ("os error 28)", "os error 122)", "507 Insufficient Storage", "XMinioStorageFull", "QuotaExceeded")


@dataclass(frozen=True)
class Stored:
    """One object's size in bytes."""

    key: str
    size: int


class Storage:
    def __init__(self, settings: StorageSettings, data_dir: Path) -> None:
        self._settings = settings
        self._folder = _folder(settings.url, data_dir)
        self._store = _connect(settings, self._folder)

    async def check(self) -> None:
        """Whether a file could be written now, asked before work begins.

        Raises:
            StorageFull: the folder has less than STORAGE_MIN_FREE_BYTES left. Unavailable: the bucket does not answer.
        """
        if self._folder is not None:
            with _typed_errors():
                if shutil.disk_usage(self._folder).free < self._settings.min_free_bytes:
                    raise StorageFull(retry_after=5)
            return
        await self.size("health")

    async def write(self, key: str, data: bytes) -> None:
        """Write an object, over an earlier one.

        Raises:
            StorageFull: there is no room. Unavailable: the store does not answer. Either way nothing is half there.
        """
        with _typed_errors():
            # One request: an upload in parts that dies in the middle would leave its parts, and their costs, in the bucket.
            await obstore.put_async(self._store, key, data, use_multipart=False)

    async def read(self, key: str) -> bytes:
        """A whole object.

        Raises:
            NotFound: it is not there. Unavailable: the store does not answer.
        """
        with _typed_errors():
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())

    async def open(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`; the first is read before this returns.

        Raises:
            NotFound: it is not there. Unavailable: the store does not answer.
        """
        if end <= start:
            return _nothing()
        with _typed_errors():
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
        return _pieces(found)

    async def size(self, key: str) -> int | None:
        """An object's size in bytes, or None where there is none.

        Raises:
            Unavailable: the store does not answer.
        """
        try:
            with _typed_errors():
                return (await obstore.head_async(self._store, key))["size"]
        except NotFound:
            return None

    async def list(self, prefix: str) -> list[Stored]:
        """The objects under a prefix.

        Raises:
            Unavailable: the store does not answer.
        """
        found: list[Stored] = []
        with _typed_errors():
            async for page in obstore.list(self._store, prefix):
                found += [Stored(item["path"], item["size"]) for item in page]
        return found

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is passed over.

        Raises:
            Unavailable: the store does not answer.
        """
        if self._folder is None:  # a bucket takes them all at once, and says nothing of those it has not
            with _typed_errors():
                await obstore.delete_async(self._store, list(keys))
            return
        for key in keys:
            with suppress(NotFound), _typed_errors():
                await obstore.delete_async(self._store, key)

    async def link(self, key: str, *, seconds: int) -> str | None:
        """A signed URL that opens the object for some seconds; None for a folder, which has no server of its own."""
        if not isinstance(self._store, (S3Store, GCSStore, AzureStore)):
            return None
        with _typed_errors():
            return await obstore.sign_async(self._store, "GET", key, timedelta(seconds=seconds))


def _folder(url: str | None, data_dir: Path) -> Path | None:
    if url is None:
        return (data_dir / "storage").resolve()
    return Path(url.removeprefix("file://")) if url.startswith("file://") else None


def _connect(settings: StorageSettings, folder: Path | None) -> ObjectStore:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(folder)
    options: dict[str, Any] = {name: value.get_secret_value() for name, value in settings.options.items()}
    limit = timedelta(seconds=settings.timeout_seconds)
    return from_url(
        cast("str", settings.url),
        config=cast("Any", options),
        client_options={"timeout": limit, "allow_http": options.get("endpoint", "").startswith("http://")},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=settings.retry_seconds)},
    )


@contextmanager
def _typed_errors() -> Iterator[None]:
    """A vendor's words may hold addresses and keys: they stay in the cause, out of the sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("There is no such file.", code="FILE_NOT_FOUND") from error
    except (BaseError, OSError, ValueError) as error:
        if any(sign in str(error) for sign in _FULL):
            raise StorageFull(retry_after=5) from error
        raise Unavailable(
            "The file storage is not available now.", retry_after=5, code="STORAGE_UNAVAILABLE"
        ) from error


async def _pieces(found: Any) -> AsyncIterator[bytes]:
    with _typed_errors():
        async for piece in found.stream(min_chunk_size=CHUNK):
            yield bytes(piece)


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for piece in empty:
        yield piece
