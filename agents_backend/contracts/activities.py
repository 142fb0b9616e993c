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

SANDBOX_WORKFLOW: Final = "sandbox"
SANDBOX_READY_UPDATE: Final = "ready"
SANDBOX_RESUME_UPDATE: Final = "resume"
SANDBOX_EXTEND_UPDATE: Final = "extend"
SANDBOX_PAUSE_UPDATE: Final = "pause"
SANDBOX_DELETE_UPDATE: Final = "delete"
SANDBOX_CHECK_UPDATE: Final = "check"
CREATE_SANDBOX: Final = "create_sandbox"
RESUME_SANDBOX: Final = "resume_sandbox"
EXTEND_SANDBOX: Final = "extend_sandbox"
PAUSE_SANDBOX: Final = "pause_sandbox"
PAUSE_IDLE_SANDBOX: Final = "pause_idle_sandbox"
REMOVE_SANDBOX: Final = "remove_sandbox"
CHECK_SANDBOX: Final = "check_sandbox"

SANDBOX_COMMAND_WORKFLOW: Final = "sandbox_command"
START_COMMAND: Final = "start_command"
AWAIT_COMMAND: Final = "await_command"
STOP_COMMAND: Final = "stop_command"
FAIL_COMMAND: Final = "fail_command"

SWEEP_SANDBOXES_WORKFLOW: Final = "sweep_sandboxes"
SWEEP_SANDBOXES: Final = "sweep_sandboxes"

SPEECH_WORKFLOW: Final = "speech"
PODCAST_WORKFLOW: Final = "podcast"
DECK_WORKFLOW: Final = "deck"
PROSE_WORKFLOW: Final = "prose"

PLAN_SPEECH: Final = "plan_speech"
WRITE_SCRIPT: Final = "write_script"
SPEAK_LINE: Final = "speak_line"
CLEAR_LINES: Final = "clear_lines"
MIX_SPEECH: Final = "mix_speech"
MIX_PODCAST: Final = "mix_podcast"
OUTLINE_DECK: Final = "outline_deck"
BUILD_DECK: Final = "build_deck"
WRITE_PROSE: Final = "write_prose"

EXPIRE_ARTIFACTS_WORKFLOW: Final = "expire_artifacts"
EXPIRE_ARTIFACTS: Final = "expire_artifacts"

FORGET_LOGS_WORKFLOW: Final = "forget_logs"
FORGET_LOGS: Final = "forget_logs"

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

# The types of all workflows that are registered under a name of this file.
WORKFLOWS: Final = tuple(value for name, value in list(globals().items()) if name.endswith("_WORKFLOW"))
