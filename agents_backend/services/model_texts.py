"""A text by the model, outside of any thread: streamed to the run's watchers, or gathered to be parsed."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from pydantic import BaseModel, ValidationError

from agents_backend.contracts.turns import RunRef, Usage
from agents_backend.domain.errors import AgentsError, ContextExceeded, Unavailable, UpstreamFailed
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import ModelRejected, Models
from agents_backend.services.answers import Draft, Sink
from agents_backend.services.spending import Spending
from agents_backend.services.step_writer import StepWriter
from agents_backend.settings import ModelConfig

Shape = TypeVar("Shape", bound=BaseModel)
_LATIN_CHARACTERS_A_TOKEN = 3.5
_log = structlog.get_logger(__name__)


class StructureBroken(UpstreamFailed):
    """The model's answer has not the structure that was asked for, twice."""

    code = "MODEL_STRUCTURE_BROKEN"
    default_detail = "The model did not answer in the structure that was asked for."


class ModelTexts:
    def __init__(self, *, log: EventLog, models: Models, spending: Spending) -> None:
        self._log, self._models, self._spending = log, models, spending

    @property
    def is_configured(self) -> bool:
        return bool(self._models.configs)

    def can_structure(self) -> str | None:
        """Why the model cannot be asked for JSON, or None: there is none, or it is too small a one."""
        if not self.is_configured:
            return "no model is configured"
        if not self._models.default.tools:
            return f"the model {self._models.default.name} is too small to write structure"
        return None

    async def write(self, run: RunRef, name: str, messages: list[BaseMessage], draft: Draft, *, attempt: int) -> None:
        """Stream one text into the draft, as the run's message; a later attempt withdraws what an earlier one had begun.

        When it is cancelled, what was written stays in the draft and with the watchers.

        Raises:
            ModelRejected: the model refuses the request. Unavailable: it fails in a way that may heal.
            ContextExceeded: no model can read that much. InsufficientCredits: the run has no more for it.
        """
        writer = StepWriter(self._log, run.run_id, writer=name, attempt=attempt)
        await writer.begin()
        sink = Sink(draft, writer, silent=False)
        try:
            await self._ask(run, messages, draft, sink)
        except asyncio.CancelledError:
            await sink.finish(partial=True)
            await writer.close()
            raise
        except AgentsError:
            await writer.close()
            raise
        await writer.close()

    async def structure(
        self, run: RunRef, name: str, messages: list[BaseMessage], parse: Callable[[str], Shape]
    ) -> tuple[Shape, Usage, str]:
        """One answer as a value, with what it cost and the model's name; broken structure is shown to the model and asked for again, once.

        Raises:
            StructureBroken: it was broken twice. ModelRejected, Unavailable, ContextExceeded, InsufficientCredits: as `write`.
        """
        spent, conversation = Usage(), list(messages)
        for trial in (1, 2):
            writer = StepWriter(self._log, run.run_id, writer=f"{name}-{trial}", attempt=1)
            draft = draft_of(run, name, trial)
            await self._ask(run, conversation, draft, Sink(draft, writer, silent=True), spent.cost_usd)
            spent, text = spent + draft.usage, "".join(draft.text)
            try:
                return parse(text), spent, draft.model
            except ValueError as error:
                _log.warning("model_structure_broken", run_id=run.run_id, part=name, trial=trial)
                conversation += [AIMessage(text or "(nothing)"), HumanMessage(_complaint(error))]
        raise StructureBroken

    async def _ask(
        self, run: RunRef, messages: list[BaseMessage], draft: Draft, sink: Sink, unkept_usd: float = 0
    ) -> None:
        """The first model that begins to answer; those that cannot read that much are passed over.

        `unkept_usd` is what was spent before and is in no row yet.
        """
        configs = [c for c in self._models.pick(None, False) if fits(messages, c)]  # noqa: FBT003
        if not configs:
            raise ContextExceeded
        for config in configs:
            draft.model = config.name
            await self._spending.cover(run, unkept_usd + self._spending.call_price(config, messages))
            try:
                async for chunk in self._models.stream(config, messages):
                    await sink.take(chunk)
                await sink.finish()
            except (Unavailable, ModelRejected):
                if draft.began or config is configs[-1]:
                    raise
            else:
                break
        if not "".join(draft.text).strip():
            raise UpstreamFailed(f"The model {draft.model} answered nothing.")


def draft_of(run: RunRef, name: str, attempt: int) -> Draft:
    return Draft(message_id=f"msg_{run.run_id.replace('-', '')}_{name}_{attempt}")


def fits(messages: list[BaseMessage], config: ModelConfig) -> bool:
    """By a cautious estimate: a token for three and a half Latin characters, one for each other."""
    text = "".join(str(message.content) for message in messages)
    others = sum(character > "\u2e7f" for character in text)
    tokens = (len(text) - others) / _LATIN_CHARACTERS_A_TOKEN + others
    return tokens <= max(config.context_window - config.max_output_tokens, config.context_window // 2)


def _complaint(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:10])
    else:
        faults = str(error)
    return (
        f"That is not the structure that was asked for: {faults[:2_000]}. Answer again, with the corrected JSON alone."
    )
