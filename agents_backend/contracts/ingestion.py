"""What an ingestion's workflow asks of its activities. Texts stand in storage and PostgreSQL; ids and counts cross."""

from pydantic import Field

from agents_backend.contracts.turns import Frozen, RunRef


class Fetched(Frozen):
    """What was given or fetched. `changed` is False where it is what the resource already holds: nothing more is to be done."""

    size: int
    changed: bool = True


class Parsed(Frozen):
    pages: int
    sections: int
    characters: int


class Batches(Frozen):
    """How many passages there are, and how many of them are embedded at once; 0 where nothing embeds."""

    passages: int
    at_once: int

    def ranges(self) -> list[tuple[int, int]]:
        """From and up to, by position."""
        if not self.at_once:
            return []
        return [(n, min(n + self.at_once, self.passages)) for n in range(0, self.passages, self.at_once)]


class IngestedRange(Frozen):
    """Passages of the run's generation, by position, from `start` up to, not including, `end`."""

    run: RunRef
    start: int = Field(ge=0)
    end: int


class IndexedResource(Frozen):
    """What is to be searched from now on; no passages: those that were before."""

    run: RunRef
    batches: Batches


class RefusedIngestion(Frozen):
    """How an ingestion ended that did not succeed."""

    run: RunRef
    code: str
    detail: str


class StaleResource(Frozen):
    """A resource whose passages another model embedded, or none."""

    resource_id: str
    generation: int
    batches: Batches


class StaleRange(Frozen):
    resource_id: str
    generation: int
    start: int
    end: int


class ResourcesSwept(Frozen):
    """What a round found: resources purged and settled, and those to be embedded anew."""

    purged: int = 0
    settled: int = 0
    stale: tuple[StaleResource, ...] = ()
