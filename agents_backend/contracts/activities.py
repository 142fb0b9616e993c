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

FORGET_LOGS_WORKFLOW: Final = "forget_logs"
FORGET_LOGS: Final = "forget_logs"

# The types of all workflows that are registered under a name of this file.
WORKFLOWS: Final = tuple(value for name, value in list(globals().items()) if name.endswith("_WORKFLOW"))
