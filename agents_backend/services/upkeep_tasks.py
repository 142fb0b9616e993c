"""The deployment's own upkeep, at times of an administrator's choice beside its own (`upkeep.UPKEEP`), by the same code.

A round may be repeated, and two may meet, without harm: each says so of itself.
"""

from agents_backend.services.task_parts import Arguments, Carriers, Owner, Perform, Performed, Task, never

# They reach into everybody's things, so their owner must hold this, when they are made and at each fire.
PERMISSION = "task:scheduler:upkeep"


class Nothing(Arguments):
    """No arguments."""


async def sweep_sandboxes(carriers: Carriers, _owner: Owner, _arguments: Nothing) -> Performed:
    """Bring together what E2B, Temporal and PostgreSQL tell of sandboxes.

    Raises:
        Unavailable: PostgreSQL or E2B is away.
    """
    swept = await carriers.sandbox_sweeps.sweep()
    return Performed(result=swept.model_dump())


async def forget_logs(carriers: Carriers, _owner: Owner, _arguments: Nothing) -> Performed:
    """Forget logs and ended sessions that are older than the settings say.

    Raises:
        Unavailable: PostgreSQL is away.
    """
    forgotten = await carriers.retention.forget()
    return Performed(result=forgotten.model_dump())


async def expire_artifacts(carriers: Carriers, _owner: Owner, _arguments: Nothing) -> Performed:
    """Delete the files of runs that are older than the settings say.

    Raises:
        Unavailable: PostgreSQL or the storage is away.
    """
    return Performed(result={"runs": await carriers.artifacts.expire()})


def upkeep(name: str, description: str, perform: Perform) -> Task:
    return Task(
        name=name, description=description, arguments=Nothing, perform=perform, quick=never, permission=PERMISSION
    )
