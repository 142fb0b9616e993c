"""The names under which workflows and activities are registered: moving a file never breaks a running history."""

from typing import Final

CHAT_WORKFLOW: Final = "chat"
RESUME_SIGNAL: Final = "resume"

CALL_MODEL: Final = "call_model"
CALL_TOOL: Final = "call_tool"
PAUSE_RUN: Final = "pause_run"
MARK_STEP: Final = "mark_step"
FINISH_RUN: Final = "finish_run"

SWEEP_RUNS_WORKFLOW: Final = "sweep_runs"
SWEEP_RUNS: Final = "sweep_runs"

SCHEDULED_TASK_WORKFLOW: Final = "scheduled_task"
WEBHOOK_WORKFLOW: Final = "scheduler_webhook"
SWEEP_SCHEDULERS_WORKFLOW: Final = "sweep_schedulers"
AUDIT_SCHEDULERS_WORKFLOW: Final = "audit_schedulers"
START_TASK: Final = "start_task"
PERFORM_TASK: Final = "perform_task"
LOOK_AT_TASK: Final = "look_at_task"
END_TASK: Final = "end_task"
DELIVER_WEBHOOK: Final = "deliver_webhook"
GIVE_WEBHOOK_UP: Final = "give_webhook_up"
SWEEP_SCHEDULERS: Final = "sweep_schedulers"
AUDIT_SCHEDULERS: Final = "audit_schedulers"
