"""A podcast: the script, every line an activity of its own, the mix."""

from temporalio import workflow

from workflows import policies
from workflows.frames import Frame
from workflows.speech import speak_lines

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.media import MadeFile, MediaInput, SpeechPlan
    from agents_backend.domain.runs import RunStatus


@workflow.defn(name=names.PODCAST_WORKFLOW)
class PodcastWorkflow:
    @workflow.init
    def __init__(self, media: MediaInput) -> None:
        self._media, self._frame = media, Frame(media.run, clears=names.CLEAR_LINES)

    @workflow.run
    async def run(self, media: MediaInput) -> RunStatus:  # noqa: ARG002  # given to __init__ as well
        return await self._frame.carry_out(self._make())

    async def _make(self) -> None:
        run, frame = self._media.run, self._frame
        async with frame.step("script"):
            plan = await frame.do(names.WRITE_SCRIPT, run, SpeechPlan, policies.MODEL, "the hosts' script")
        async with frame.step("speak"):
            await speak_lines(self._media, plan.lines)
        async with frame.step("mix"):
            await frame.do(names.MIX_PODCAST, run, MadeFile, policies.MEDIA, f"{plan.lines} lines")
