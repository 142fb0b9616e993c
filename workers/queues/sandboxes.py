"""The queue of the sandboxes' lives and of the commands that run in them."""

from activities.sandboxes import CommandActivities, SandboxActivities
from workers.queues.parts import Parts, Work
from workflows.sandbox import SandboxWorkflow
from workflows.sandbox_command import SandboxCommandWorkflow


def sandbox(parts: Parts) -> Work:
    made = parts.sandboxes
    lives, commands = SandboxActivities(lives=made.lives), CommandActivities(commands=made.commands)
    return Work(
        workflows=[SandboxWorkflow, SandboxCommandWorkflow],
        activities=[
            *(lives.create_sandbox, lives.resume_sandbox, lives.extend_sandbox, lives.pause_sandbox),
            *(lives.pause_idle_sandbox, lives.remove_sandbox, lives.check_sandbox),
            *(
                commands.begin_command,
                commands.start_command,
                commands.await_command,
                commands.stop_command,
                commands.fail_command,
            ),
        ],
    )
