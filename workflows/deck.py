"""A deck: the outline, the drawing."""

from temporalio import workflow

from workflows import policies
from workflows.frames import Frame

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.media import Drafted, MadeFile, MediaInput
    from agents_backend.domain.runs import RunStatus


@workflow.defn(name=names.DECK_WORKFLOW)
class DeckWorkflow:
    @workflow.init
    def __init__(self, media: MediaInput) -> None:
        self._media, self._frame = media, Frame(media.run)

    @workflow.run
    async def run(self, media: MediaInput) -> RunStatus:  # noqa: ARG002  # given to __init__ as well
        return await self._frame.carry_out(self._make())

    async def _make(self) -> None:
        run, frame = self._media.run, self._frame
        async with frame.step("outline"):
            drafted = await frame.do(names.OUTLINE_DECK, run, Drafted, policies.MODEL, "the deck's outline")
        async with frame.step("draw"):
            await frame.do(names.BUILD_DECK, run, MadeFile, policies.MEDIA, f"{drafted.items} slides")
