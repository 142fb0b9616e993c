"""The tables, one file a noun."""

from agents_backend.db.tables.credits import CreditAccount, CreditEntry
from agents_backend.db.tables.files import StagedFile
from agents_backend.db.tables.generator import GeneratedTable
from agents_backend.db.tables.logs import OperaLog
from agents_backend.db.tables.mcp import CodingAgent, McpServer
from agents_backend.db.tables.oauth import OAuthLink
from agents_backend.db.tables.rights import Dept, Menu, Role, RoleMenu, UserRole
from agents_backend.db.tables.runs import Artifact, IdempotencyKey, Interrupt, Message, Run, RunPart, Thread
from agents_backend.db.tables.sandboxes import Sandbox, SandboxCommand, Slide
from agents_backend.db.tables.schedulers import Scheduler, SchedulerRun
from agents_backend.db.tables.tool_calls import BegunCall
from agents_backend.db.tables.users import AuthSession, LoginLog, User

__all__ = [
    "Artifact",
    "AuthSession",
    "BegunCall",
    "CodingAgent",
    "CreditAccount",
    "CreditEntry",
    "Dept",
    "GeneratedTable",
    "IdempotencyKey",
    "Interrupt",
    "LoginLog",
    "McpServer",
    "Menu",
    "Message",
    "OAuthLink",
    "OperaLog",
    "Role",
    "RoleMenu",
    "Run",
    "RunPart",
    "Sandbox",
    "SandboxCommand",
    "Scheduler",
    "SchedulerRun",
    "Slide",
    "StagedFile",
    "Thread",
    "User",
    "UserRole",
]
