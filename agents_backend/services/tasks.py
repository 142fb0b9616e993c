"""The tasks that a scheduler may name. Each is a line of `TASKS`: its arguments and how it is carried out, as its owner."""

from typing import Any, Final

from pydantic import ValidationError

from agents_backend.domain.errors import Invalid
from agents_backend.services import agent_tasks, http_tasks, media_tasks, rag_tasks, upkeep_tasks
from agents_backend.services.task_parts import Arguments, Task, at, never

TASKS: Final[dict[str, Task]] = {
    task.name: task
    for task in (
        Task(
            name="agent_prompt",
            description="Run an agent on a prompt, as a chat of its own or in a thread.",
            arguments=agent_tasks.AgentPrompt,
            perform=agent_tasks.perform,
            check=agent_tasks.check,
        ),
        Task(
            name="http_request",
            description="Call a public http or https address. An HTTP status of 300 or more is a failure.",
            arguments=http_tasks.HttpRequest,
            perform=http_tasks.perform,
            check=http_tasks.check,
            quick=http_tasks.is_quick,
        ),
        Task(
            name="podcast",
            description="Make a podcast of what a page says when it is read (MP3).",
            arguments=media_tasks.Podcast,
            perform=media_tasks.perform_podcast,
            check=media_tasks.check_podcast,
            quick=never,
        ),
        Task(
            name="deck",
            description="Make a slide deck of a text, or of what a page says when it is read (PPTX).",
            arguments=media_tasks.Deck,
            perform=media_tasks.perform_deck,
            check=media_tasks.check_deck,
            quick=never,
        ),
        Task(
            name="rag_refresh",
            description="Fetch a resource's URL again, and ingest what has changed.",
            arguments=rag_tasks.RagRefresh,
            perform=rag_tasks.perform,
            check=rag_tasks.check,
        ),
        upkeep_tasks.upkeep(
            "sandbox_sweep",
            "Remove sandboxes that nobody has and revive what a crash left behind, now and not in its minute.",
            upkeep_tasks.sweep_sandboxes,
        ),
        upkeep_tasks.upkeep(
            "log_retention",
            "Forget login and operation logs and ended sessions that are older than the settings say.",
            upkeep_tasks.forget_logs,
        ),
        upkeep_tasks.upkeep(
            "artifact_retention",
            "Delete the files of runs that are older than the settings say.",
            upkeep_tasks.expire_artifacts,
        ),
    )
}


def find(name: str) -> Task:
    """The task of a name.

    Raises:
        Invalid: names the field.
    """
    if name not in TASKS:
        raise Invalid.field("task", f"there is no such task; choose one of {', '.join(TASKS)}")
    return TASKS[name]


def permission_of(name: str) -> str | None:
    """What a scheduler's owner must hold for a task; a task that is no more takes nothing, and fails as it begins."""
    return TASKS[name].permission if name in TASKS else None


def arguments_of(task: Task, args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """The arguments in the task's own form.

    Raises:
        Invalid: names each field at fault.
    """
    names = list(task.arguments.model_fields)
    if len(args) > len(names):
        raise at(["args", len(names)], f"{task.name} takes {len(names)} arguments at most")
    given = dict(zip(names, args, strict=False))
    if twice := sorted(given.keys() & kwargs.keys()):
        raise at(["kwargs", twice[0]], "is in args already")
    try:
        return task.arguments.model_validate({**given, **kwargs})
    except ValidationError as error:
        found = [
            {"loc": _place(list(item["loc"]), names[: len(args)]), "msg": item["msg"], "type": item["type"]}
            for item in error.errors()
        ]
        raise Invalid(f"{found[0]['loc'][-1]}: {found[0]['msg']}", errors=found) from None


def _place(loc: list[Any], positional: list[str]) -> list[Any]:
    """Where the client wrote it."""
    if loc and loc[0] in positional:
        return ["body", "args", positional.index(loc[0]), *loc[1:]]
    return ["body", "kwargs", *loc]
