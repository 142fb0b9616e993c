"""Pictures that a content names: fetched from public addresses alone, small enough, of a kind that a deck can hold."""

import asyncio
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from PIL import Image, UnidentifiedImageError

from agents_backend.domain.errors import Invalid, TooLarge, Unavailable, UnsupportedMedia
from agents_backend.integrations.addresses import Policy, certificates, check_url
from agents_backend.integrations.pages import Pages

MAX_PICTURES = 20
MAX_BYTES = 10_000_000
MAX_SIDE, MAX_PIXELS = 12_000, 40_000_000
_TOO_MANY_PIXELS = f"A picture has too many pixels: {MAX_SIDE:,} a side and {MAX_PIXELS:,} in all at the most."
_SECONDS = 20.0
_AT_ONCE = 4
_MEDIA = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff"})
_AS_THEY_ARE = frozenset({"PNG", "JPEG", "GIF", "BMP", "TIFF"})
_log = structlog.get_logger(__name__)


@dataclass
class Album:
    """The pictures by their URL, and those that did not come, with the reason."""

    pictures: dict[str, bytes] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Pictures:
    def __init__(self, *, allow_loopback: bool) -> None:
        self._policy = Policy(allow_loopback=allow_loopback)

    def check(self, urls: Sequence[str]) -> None:
        """What can be refused without asking anybody.

        Raises:
            AddressRefused: an address that we do not connect to. Invalid: too many.
        """
        if len(urls) > MAX_PICTURES:
            raise Invalid.field("content", f"more than {MAX_PICTURES} pictures")
        for url in urls:
            check_url(url, self._policy)

    async def fetch(self, urls: Sequence[str]) -> Album:
        """The pictures; one whose server fails is missing, and said to be.

        Raises:
            AddressRefused: an address that leads to one that is not public. TooLarge: too many bytes or pixels.
            UnsupportedMedia: no picture, or of a kind that a deck cannot hold.
        """
        album, gate = Album(), asyncio.Semaphore(_AT_ONCE)
        if not urls:
            return album
        wanted = list(dict.fromkeys(urls))
        async with Pages(policy=self._policy, trust=await certificates()) as pages:
            ended = await asyncio.gather(*(_one(pages, url, gate) for url in wanted), return_exceptions=True)
        for url, outcome in zip(wanted, ended, strict=True):
            if isinstance(outcome, Unavailable):
                album.missing[url] = outcome.detail
                _log.warning("picture_not_fetched", reason=outcome.detail)
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                album.pictures[url] = outcome
        return album


async def _one(pages: Pages, url: str, gate: asyncio.Semaphore) -> bytes:
    async with gate:
        found = await pages.fetch(url, max_bytes=MAX_BYTES, media_types=_MEDIA, seconds=_SECONDS)
        return await asyncio.to_thread(usable, found.content)


def usable(data: bytes) -> bytes:
    """The picture as PowerPoint reads it; only its head is read before its size is known.

    Raises:
        TooLarge: too many pixels. UnsupportedMedia: it is no picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
        width, height = image.size
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise TooLarge(_TOO_MANY_PIXELS)
        if image.format in _AS_THEY_ARE:
            image.verify()
            return data
        file = io.BytesIO()
        image.convert("RGBA").save(file, "PNG")
        return file.getvalue()
    except Image.DecompressionBombError:
        raise TooLarge(_TOO_MANY_PIXELS) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise UnsupportedMedia("A picture cannot be read.") from None
