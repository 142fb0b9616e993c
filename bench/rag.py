"""Retrieval: recall@5 of the hybrid search and of each of its halves, then the time of a search among 100,000 passages.

    apt-get download python3.11-doc && dpkg -x python3.11-doc_*.deb pydoc
    python -m bench.rag pydoc/usr/share/doc/python3.11/html/_sources [--passages 4000] [--vectors FILE]

The corpus is Python's own documentation as Debian packages it. The questions are the headings of its FAQ, which people have asked in
their own words; the corpus holds the answers without them, among passages of the tutorial, the reference, the HOWTOs and the
library. A question is answered when a passage of its answer is among the first five.

For the time, each passage is varied (its vector moved at random, its sentences mixed with another's) until one user has 100,000;
beside them two users have 20,000 and 2,000 of the same. The bare SELECT is `select 1` by the same connection pool in the same run.
"""

import argparse
import asyncio
import os
import random
import re
import shutil
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
from pydantic import SecretStr
from sqlalchemy import text

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.db.passage_search import Method
from agents_backend.db.passages import PassageQuery, PassageRepository
from agents_backend.db.rag import READY, RagRepository
from agents_backend.db.tables.rag import RagResource
from agents_backend.db.tables.users import User
from agents_backend.domain.passages import Passage, Section
from agents_backend.integrations.embeddings.embedded import MODEL, EmbeddedEmbeddings
from agents_backend.services.rag_ingestion import passages_of
from agents_backend.services.rag_search import Retrieval
from agents_backend.settings import RagSettings, Settings, StackSettings
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Stack
from bench.schedulers import own_folder

TARGET_MS = 60.0
INDEX = "ix_rag_passages_embedding_384"
OWNERS = {1: 100_000, 2: 20_000, 3: 2_000}
_HEADING = re.compile(r"^(?!\.\.)(\S.*)\n(=+|-+|\*+|~+)\n", re.MULTILINE)
_FOLDERS = ("tutorial", "reference", "howto", "library")
_METHODS: tuple[Method, ...] = ("hybrid", "vector", "text")


@dataclass(frozen=True)
class Question:
    """`answer` is the key of the document that holds its answer."""

    text: str
    answer: str


@dataclass
class Corpus:
    """Passages by their document's key."""

    questions: list[Question]
    passages: list[tuple[str, Passage]]
    vectors: np.ndarray


def plain(rst: str) -> str:
    """Without the marks that only reStructuredText needs."""
    rst = re.sub(
        r"^\.\. (?:_|index|only|contents|highlight|sectionauthor|moduleauthor).*$", "", rst, flags=re.MULTILINE
    )
    return re.sub(r":[\w:+-]+:`~?([^`<]*?)(?:\s*<[^>]*>)?`", r"\1", rst)


def sections(rst: str) -> Iterator[tuple[str, str]]:
    """Headings and the texts under them."""
    parts = _HEADING.split(rst)
    for n in range(1, len(parts) - 2, 3):
        yield parts[n].strip(), plain(parts[n + 2]).strip()


def faq(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((folder / "faq").glob("*.rst.txt")):
        yield from ((head, body) for head, body in sections(path.read_text()) if head.endswith("?") and len(body) > 80)


def others(folder: Path) -> Iterator[tuple[str, str]]:
    for name in _FOLDERS:
        for path in sorted((folder / name).glob("*.rst.txt")):
            yield from ((f"{name}/{path.name}", body) for _, body in sections(path.read_text()) if len(body) > 80)


def passages_in(texts: Iterator[tuple[str, str]], settings: RagSettings) -> Iterator[tuple[str, Passage]]:
    for key, body in texts:
        yield from ((key, passage) for passage in passages_of((Section(text=body),), settings))


async def corpus(folder: Path, count: int, vectors: Path | None) -> Corpus:
    settings = RagSettings()
    asked = list(faq(folder))
    found = list(passages_in(iter(asked), settings))
    rest = list(passages_in(others(folder), settings))
    random.Random(1).shuffle(rest)
    found += rest[: max(0, count - len(found))]
    questions = [Question(head, head) for head, _ in asked]
    if vectors is not None and vectors.exists() and len(made := np.load(vectors)) == len(found):
        return Corpus(questions, found, made)
    began = time.perf_counter()
    made = np.array((await EmbeddedEmbeddings().embed([passage.text for _, passage in found])).vectors, np.float32)
    print(f"{len(found):,} passages embedded, {len(found) / (time.perf_counter() - began):.0f} a second")
    if vectors is not None:
        np.save(vectors, made)
    return Corpus(questions, found, made)


async def fill(database: Database, user_id: int, given: Corpus, count: int) -> float:
    """A user with so many passages, the first of them the corpus itself; the seconds that it took."""
    began, resource_id = time.perf_counter(), uuid.uuid4()
    random_, numbers = random.Random(user_id), np.random.default_rng(user_id)
    async with database.transaction() as session:
        session.add(User(id=user_id, username=f"user{user_id}", nickname="", password_hash=""))
        await session.flush()
        RagRepository(session).add(
            RagResource(
                id=resource_id,
                user_id=user_id,
                title="Python",
                source="text",
                status=READY,
                generation=1,
                passages=count,
            )
        )
    for start in range(0, count, 1_000):
        numbered = range(start, min(start + 1_000, count))
        texts = [varied(given, n, random_) for n in numbered]
        vectors = [moved(given.vectors[n % len(given.vectors)], numbers, n >= len(given.vectors)) for n in numbered]
        async with database.transaction() as session:
            rows = PassageRepository(session)
            common = {"resource_id": resource_id, "generation": 1, "user_id": user_id, "language": "english"}
            await rows.add(
                [
                    {**common, "position": n, "heading": "", "page": None, "text": body}
                    for n, body in zip(numbered, texts, strict=True)
                ]
            )
            found = await rows.texts(resource_id, 1, start, start + 1_000, model=MODEL)
            await rows.embed(
                [(passage_id, vector) for (passage_id, _, _), vector in zip(found, vectors, strict=True)], model=MODEL
            )
    return time.perf_counter() - began


def varied(given: Corpus, n: int, random_: random.Random) -> str:
    own = given.passages[n % len(given.passages)][1].text
    if n < len(given.passages):
        return own
    other = random_.choice(given.passages)[1].text
    parts = own.split(". ")[::2] + other.split(". ")[1::2]
    return f"{n} " + ". ".join(parts or [own])


def moved(vector: np.ndarray, numbers: np.random.Generator, is_varied: bool) -> list[float]:  # noqa: FBT001
    if is_varied:
        vector = vector + numbers.normal(0, 0.6 / len(vector) ** 0.5, len(vector))
        vector = vector / np.linalg.norm(vector)
    return vector.tolist()


async def recall(database: Database, given: Corpus, user_id: int) -> dict[Method, float]:
    """The share of questions that each method answers with its first five passages."""
    vectors = (await EmbeddedEmbeddings().embed([question.text for question in given.questions])).vectors
    right = dict.fromkeys(_METHODS, 0)
    keys = [key for key, _ in given.passages]
    async with database.transaction() as session:
        mine = await RagRepository(session).searchable(user_id, None)
    for question, vector in zip(given.questions, vectors, strict=True):
        base = PassageQuery(
            user_id=user_id, ids=mine.ids, whole=True, passages=mine.passages, text=question.text,
            configurations=["english"], limit=5, vector=vector, model=MODEL,
        )  # fmt: skip
        for method in _METHODS:
            async with database.transaction() as session:
                found = await PassageRepository(session).search(replace(base, method=method))
            right[method] += any(keys[hit.position] == question.answer for hit in found if hit.position < len(keys))
    return {method: count / len(given.questions) for method, count in right.items()}


async def timed(work: Callable[[str], Awaitable[object]], questions: Sequence[str]) -> list[float]:
    """Milliseconds of each."""
    taken = []
    for question in questions:
        began = time.perf_counter()
        await work(question)
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def told(name: str, taken: Sequence[float]) -> str:
    cuts = statistics.quantiles(taken, n=100)
    return f"{name:44} p50 {cuts[49]:6.1f} ms   p95 {cuts[94]:6.1f} ms   p99 {cuts[98]:6.1f} ms"


def processor_ms() -> float:
    """Of this process and all that it has started."""
    found, own = 0.0, psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            found += times.user + times.system
    return found * 1000


async def time_searches(database: Database, given: Corpus, owners: Sequence[int]) -> None:
    questions = [question.text for question in given.questions]
    retrieval = Retrieval(database=database, embeddings=EmbeddedEmbeddings())

    async def bare(_: str) -> None:
        async with database.transaction() as session:
            await session.execute(text("select 1"))

    async def embedding(question: str) -> None:
        await EMBEDDING.embed([question])

    await timed(embedding, questions[:10])
    print(f"load of the machine meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(told("select 1", await timed(bare, questions)))
    print(told("the question's own vector, alone", await timed(embedding, questions)))
    for owner in owners:
        await timed(lambda q, o=owner: retrieval.search(o, q, limit=6), questions)  # pages read for the first time
        before = processor_ms()
        taken = await timed(lambda q, o=owner: retrieval.search(o, q, limit=6), questions)
        used = (processor_ms() - before) / len(taken)
        p95 = statistics.quantiles(taken, n=100)[94]
        verdict = "" if owner != 1 else f"   target {TARGET_MS:.0f}: {'met' if p95 <= TARGET_MS else 'missed'}"
        print(told(f"search, a user with {OWNERS[owner]:,} passages", taken) + verdict)
        print(f"{'':44} {used:.1f} ms of processor time each, PostgreSQL's and this process's")


EMBEDDING = EmbeddedEmbeddings()


async def main(given: argparse.Namespace) -> None:
    made = await corpus(given.sources, given.passages, given.vectors)
    print(f"{len(made.questions)} questions, {len(made.passages):,} passages")
    folder = own_folder()
    settings = Settings(stack=StackSettings(temporal_port=free_port(), embedded_model=False))
    try:
        async with Stack(settings, folder, ui=False, sandboxes=False) as stack:
            url = stack.environment()["DATABASE_URL"]
            await asyncio.to_thread(upgrade, url)
            own = settings.database.model_copy(update={"url": SecretStr(url), "statement_timeout_seconds": 600})
            async with Database(own) as database:
                await measure(database, made, given)
            if stack.postgres is not None and given.large:
                stack.postgres.kill()
                await stack.postgres.start()
                async with Database(own) as database:
                    print("after kill -9 of PostgreSQL and its start:")
                    await time_searches(database, made, [1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def measure(database: Database, made: Corpus, given: argparse.Namespace) -> None:
    seconds = await fill(database, 10, made, len(made.passages))
    print(f"{len(made.passages) / seconds:.0f} passages a second written and indexed one by one")
    await analyze(database)
    shares = await recall(database, made, 10)
    for method, share in shares.items():
        print(f"recall@5 among {len(made.passages):,}, {method:7} {share:.3f}")
    best = shares["hybrid"] >= max(shares["vector"], shares["text"])
    print(f"the hybrid is {'at least as good as' if best else 'WORSE than'} each of its halves")
    if not given.large:
        return
    async with database.autocommit() as session:
        await session.execute(text(f"drop index {INDEX}"))
    for owner, count in OWNERS.items():
        seconds = await fill(database, owner, made, count)
        print(f"{count:,} passages written in {seconds:.0f} s, without the index of vectors")
    await build(database)
    await analyze(database)
    for method, share in (await recall(database, made, 1)).items():
        print(f"recall@5 among 100,000 (varied ones count as wrong), {method:7} {share:.3f}")
    await time_searches(database, made, list(OWNERS))


async def build(database: Database) -> None:
    """The index of vectors at once, as a restore makes it: the bench has not the time for one by one."""
    began = time.perf_counter()
    async with database.autocommit() as session:
        await session.execute(text("set maintenance_work_mem = '512MB'"))
        on = "on rag_passages using hnsw ((embedding::halfvec(384)) halfvec_cosine_ops)"
        await session.execute(text(f"create index {INDEX} {on} where vector_dims(embedding) = 384"))
    print(f"the index of vectors built in {time.perf_counter() - began:.0f} s")


async def analyze(database: Database) -> None:
    """As autovacuum does by itself within its minute."""
    async with database.autocommit() as session:
        await session.execute(text("vacuum analyze rag_passages"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path)
    parser.add_argument("--passages", type=int, default=4_000)
    parser.add_argument("--vectors", type=Path, help="where the corpus's vectors are kept between runs (.npy)")
    parser.add_argument("--no-large", dest="large", action="store_false", help="the recall alone")
    asyncio.run(main(parser.parse_args()))
