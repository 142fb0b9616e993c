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
