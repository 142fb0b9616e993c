"""Where the tokens of a text are, by the WordPiece vocabulary of the embedded model; passages are measured in them whoever embeds.

`tokenizer.json` is all-MiniLM-L6-v2's (Apache-2.0), as its authors publish it.
"""

from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

FILE = Path(__file__).with_name("tokenizer.json")


@cache
def _tokenizer() -> Tokenizer:
    made = Tokenizer.from_file(str(FILE))
    made.no_truncation()
    made.no_padding()
    return made


def spans_of(texts: list[str]) -> list[list[tuple[int, int]]]:
    """The places of each text's tokens, from and up to, in characters. Takes its time: call it in a thread."""
    return [found.offsets for found in _tokenizer().encode_batch(texts, add_special_tokens=False)]
