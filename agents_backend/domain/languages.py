"""Which language a text is in, as far as its letters and commonest words tell."""

import re
import unicodedata
from collections import Counter

_SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "ARABIC": "ar",
    "HEBREW": "he",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "THAI": "th",
    "GREEK": "el",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "GEORGIAN": "ka",
}
_COMMON = {
    "en": "the of and to in is that for it with as was on are be this by from",
    "de": "der die und das ist nicht ein eine mit auf für von den dem zu werden auch",
    "fr": "le la les des et est une dans pour que qui sur avec du par pas plus",
    "es": "el la los las de y que en es una por con para del se como más",
    "it": "il la di che e un una per non è con del sono della nel alla anche",
    "pt": "o a os as de que e um uma não para com do da em por mais",
    "nl": "de het een en van is dat op te voor met niet zijn aan ook",
}
_RIGHT_TO_LEFT = frozenset({"ar", "he", "fa", "ur", "yi", "ps", "sd", "ug", "dv"})
_ENOUGH = 0.2
_SAMPLE = 4_000


def language_of(text: str) -> str:
    """An ISO 639-1 code; English where nothing tells."""
    sample = text[:_SAMPLE]
    letters = Counter(unicodedata.name(c, " ").split()[0] for c in sample if c.isalpha())
    total = sum(letters.values()) or 1
    kana = letters["HIRAGANA"] + letters["KATAKANA"]
    if letters["CJK"] + kana > total * _ENOUGH:
        return "ja" if kana > letters["CJK"] * _ENOUGH else "zh"
    for script, language in _SCRIPTS.items():
        if letters[script] > total * _ENOUGH * 2:
            return language
    words = Counter(re.findall(r"[^\W\d_]+", sample.lower()))
    return max(_COMMON, key=lambda language: sum(words[word] for word in _COMMON[language].split()))


def is_right_to_left(locale: str) -> bool:
    return re.split(r"[-_]", locale)[0].lower() in _RIGHT_TO_LEFT
