"""Which of PostgreSQL's text search configurations stems a language; `simple` stems nothing."""

from typing import Final

_CONFIGURATIONS: Final = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "hi": "hindi",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
}


def configuration_of(language: str) -> str:
    return _CONFIGURATIONS.get(language, "simple")
