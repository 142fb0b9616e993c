"""The tables, one file a noun."""

from agents_backend.db.tables.runs import Artifact, IdempotencyKey, Interrupt, Message, Run, RunPart, Thread
from agents_backend.db.tables.sandboxes import Sandbox, SandboxCommand, Slide
from agents_backend.db.tables.tool_calls import BegunCall
from agents_backend.db.tables.users import AuthSession, LoginLog, User

__all__ = [
    "Artifact",
    "AuthSession",
    "BegunCall",
    "IdempotencyKey",
    "Interrupt",
    "LoginLog",
    "Message",
    "Run",
    "RunPart",
    "Sandbox",
    "SandboxCommand",
    "Slide",
    "Thread",
    "User",
]
