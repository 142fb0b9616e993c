"""The voices by name: Microsoft's (`en-US-AriaNeural`), Google's (`en-US-Standard-A`), OpenAI's (`alloy`) and the embedded ones.

Any name that resolves is spoken by any provider that has a voice of its language; the gender is kept. Google's letters are
mapped to genders as its voice list does for English; other languages follow its common order (A female, B male, …).
Sources: the public voice lists of the three vendors, as of 2025.
"""

import difflib
import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from agents_backend.domain.errors import Invalid

Gender = Literal["female", "male"]
DEFAULT_VOICE = "en-US-AriaNeural"

# locale, then Microsoft's female and male voices, the usual one first
_EDGE = """
af-ZA Adri/Willem
am-ET Mekdes/Ameha
ar-AE Fatima/Hamdan
ar-EG Salma/Shakir
ar-MA Mouna/Jamal
ar-SA Zariyah/Hamed
bg-BG Kalina/Borislav
bn-BD Nabanita/Pradeep
bn-IN Tanishaa/Bashkar
ca-ES Joana/Enric
cs-CZ Vlasta/Antonin
cy-GB Nia/Aled
da-DK Christel/Jeppe
de-AT Ingrid/Jonas
de-CH Leni/Jan
de-DE Katja,Amala/Conrad,Killian
el-GR Athina/Nestoras
en-AU Natasha/William
en-CA Clara/Liam
en-GB Sonia,Libby,Maisie/Ryan,Thomas
en-HK Yan/Sam
en-IE Emily/Connor
en-IN Neerja/Prabhat
en-KE Asilia/Chilemba
en-NG Ezinne/Abeo
en-NZ Molly/Mitchell
en-PH Rosa/James
en-SG Luna/Wayne
en-US Aria,Jenny,Michelle,Ana,Emma,Ava/Guy,Christopher,Eric,Roger,Steffan,Andrew,Brian
en-ZA Leah/Luke
es-AR Elena/Tomas
es-CL Catalina/Lorenzo
es-CO Salome/Gonzalo
es-ES Elvira,Ximena/Alvaro
es-MX Dalia/Jorge
es-PE Camila/Alex
es-US Paloma/Alonso
et-EE Anu/Kert
fa-IR Dilara/Farid
fi-FI Noora/Harri
fil-PH Blessica/Angelo
fr-BE Charline/Gerard
fr-CA Sylvie/Jean,Antoine
fr-CH Ariane/Fabrice
fr-FR Denise,Eloise/Henri
ga-IE Orla/Colm
gl-ES Sabela/Roi
gu-IN Dhwani/Niranjan
he-IL Hila/Avri
hi-IN Swara/Madhur
hr-HR Gabrijela/Srecko
hu-HU Noemi/Tamas
id-ID Gadis/Ardi
is-IS Gudrun/Gunnar
it-IT Elsa,Isabella/Diego
ja-JP Nanami/Keita
ka-GE Eka/Giorgi
kk-KZ Aigul/Daulet
kn-IN Sapna/Gagan
ko-KR SunHi/InJoon
lt-LT Ona/Leonas
lv-LV Everita/Nils
mk-MK Marija/Aleksandar
ml-IN Sobhana/Midhun
mn-MN Yesui/Bataa
mr-IN Aarohi/Manohar
ms-MY Yasmin/Osman
nb-NO Pernille/Finn
ne-NP Hemkala/Sagar
nl-BE Dena/Arnaud
nl-NL Colette,Fenna/Maarten
pl-PL Zofia/Marek
pt-BR Francisca/Antonio
pt-PT Raquel/Duarte
ro-RO Alina/Emil
ru-RU Svetlana/Dmitry
si-LK Thilini/Sameera
sk-SK Viktoria/Lukas
sl-SI Petra/Rok
sq-AL Anila/Ilir
sr-RS Sophie/Nicholas
sv-SE Sofie/Mattias
sw-KE Zuri/Rafiki
ta-IN Pallavi/Valluvar
te-IN Shruti/Mohan
th-TH Premwadee/Niwat
tr-TR Emel/Ahmet
uk-UA Polina/Ostap
ur-PK Uzma/Asad
uz-UZ Madina/Sardor
vi-VN HoaiMy/NamMinh
zh-CN Xiaoxiao,Xiaoyi/Yunxi,Yunyang,Yunjian,Yunxia
zh-HK HiuGaai,HiuMaan/WanLung
zh-TW HsiaoChen,HsiaoYu/YunJhe
zu-ZA Thando/Themba
"""
_GOOGLE = re.compile(r"(?:Standard|Wavenet|WaveNet|Neural2|News|Studio|Polyglot|Journal|Casual)-([A-Z])")
_GOOGLE_ALIASES = {"cmn-CN": "zh-CN", "cmn-TW": "zh-TW", "yue-HK": "zh-HK"}
_US_MALE = frozenset("ABDIJ")
_OPENAI: dict[str, Gender] = {
    **dict.fromkeys(("alloy", "coral", "nova", "sage", "shimmer"), "female"),
    **dict.fromkeys(("ash", "ballad", "echo", "fable", "onyx", "verse"), "male"),
}
_LISTED_LETTERS = "ABCD"


@dataclass(frozen=True)
class Voice:
    """A voice by the name that a user gave it.

    Attributes:
        locale: such as `en-US`.
        edge: the Microsoft voice of that locale and gender, or the named one itself.
        openai: the OpenAI voice to use.
    """

    name: str
    locale: str
    gender: Gender
    edge: str
    openai: str

    @property
    def language(self) -> str:
        return self.locale.partition("-")[0]


@cache
def _by_locale() -> dict[str, dict[Gender, list[str]]]:
    found: dict[str, dict[Gender, list[str]]] = {}
    for line in _EDGE.split("\n"):
        if line:
            locale, names = line.split(" ")
            female, male = names.split("/")
            found[locale] = {"female": female.split(","), "male": male.split(",")}
    return found


def _voice(name: str, locale: str, gender: Gender, number: int = 0) -> Voice:
    mine = _by_locale()[locale][gender]
    speakers = [known for known, its in _OPENAI.items() if its == gender]
    edge = f"{locale}-{mine[number % len(mine)]}Neural"
    return Voice(name, locale, gender, edge, speakers[number % len(speakers)])


@cache
def catalogue() -> dict[str, Voice]:
    """Every voice that is listed, by name."""
    found: list[Voice] = []
    for locale, genders in _by_locale().items():
        for gender, names in genders.items():
            found += [_voice(f"{locale}-{name}Neural", locale, gender, n) for n, name in enumerate(names)]
        found += [_google(f"{locale}-Standard-{letter}", locale, letter) for letter in _LISTED_LETTERS]
    for name, gender in _OPENAI.items():
        made = _voice(name, "en-US", gender)
        found.append(Voice(name, made.locale, gender, made.edge, name))
    found += [_voice("embedded-female", "en-US", "female"), _voice("embedded-male", "en-US", "male")]
    return {voice.name: voice for voice in found}


def _google(name: str, locale: str, letter: str) -> Voice:
    number = ord(letter) - ord("A")
    is_male = letter in _US_MALE if locale == "en-US" else number % 2 == 1
    return _voice(name, locale, "male" if is_male else "female", number // 2)


def resolve(name: str) -> Voice:
    """The voice of a name.

    Raises:
        Invalid: there is none; the message suggests near ones.
    """
    if name in catalogue():
        return catalogue()[name]
    for prefix, locale in _GOOGLE_ALIASES.items():
        if name.startswith(f"{prefix}-"):
            name = name.replace(prefix, locale, 1)
    parts = re.fullmatch(r"([a-z]{2,3}-[A-Z]{2})-(.+)", name)
    if parts and parts[1] in _by_locale() and (found := _GOOGLE.fullmatch(parts[2])):
        return _google(name, parts[1], found[1])
    raise Invalid.field("voice", f"there is no voice named {name[:80]}; near ones: {', '.join(_near(name))}")


def _near(name: str) -> list[str]:
    folded = {known.casefold(): known for known in catalogue()}
    close = difflib.get_close_matches(name.casefold(), folded, n=5, cutoff=0.4)
    return [folded[known] for known in close] or [DEFAULT_VOICE, "en-US-Standard-A", "embedded-female"]


def for_locale(locale: str, gender: Gender) -> Voice:
    """The usual voice of a locale, of its language where the locale has none, else of American English."""
    language = re.split(r"[-_]", locale)[0].lower()
    exact = next((known for known in _by_locale() if known.lower() == locale.replace("_", "-").lower()), None)
    usual = {"en": "en-US", "zh": "zh-CN", "es": "es-ES", "pt": "pt-BR", "de": "de-DE", "fr": "fr-FR", "ar": "ar-EG"}
    same = next((known for known in _by_locale() if known.startswith(f"{language}-")), "en-US")
    chosen = exact or usual.get(language, same)
    return _voice(f"{chosen}-{_by_locale()[chosen][gender][0]}Neural", chosen, gender)
