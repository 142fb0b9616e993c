"""Text to speech: the text in stretches, each spoken by an activity of its own, then one file."""

from functools import partial

from temporalio import workflow

from workflows import policies
from workflows.frames import Frame, side_by_side

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.media import LineRef, MadeFile, MediaInput, SpeechPlan, SpokenLine
    from agents_backend.domain.runs import RunStatus


@workflow.defn(name=names.SPEECH_WORKFLOW)
class SpeechWorkflow:
    @workflow.init
    def __init__(self, media: MediaInput) -> None:
        self._media, self._frame = media, Frame(media.run, clears=names.CLEAR_LINES)

    @workflow.run
    async def run(self, media: MediaInput) -> RunStatus:  # noqa: ARG002  # given to __init__ as well
        return await self._frame.carry_out(self._speak())

    async def _speak(self) -> None:
        run, frame = self._media.run, self._frame
        plan = await frame.do(names.PLAN_SPEECH, run, SpeechPlan, policies.MEDIA, "stretches and voice")
        async with frame.step("speak"):
            await speak_lines(self._media, plan.lines)
        async with frame.step("mix"):
            await frame.do(names.MIX_SPEECH, run, MadeFile, policies.MEDIA, f"{plan.lines} stretches")


async def speak_lines(media: MediaInput, count: int) -> None:
    """Every line of the run's script, some at a time."""
    await side_by_side([partial(_speak_line, media, index) for index in range(count)], at_once=media.concurrency)


async def _speak_line(media: MediaInput, index: int) -> None:
    await workflow.execute_activity(
        names.SPEAK_LINE,
        LineRef(run=media.run, index=index),
        result_type=SpokenLine,
        activity_id=f"line-{index}",
        summary=f"line {index + 1}",
        **policies.SPEAK,
    )
