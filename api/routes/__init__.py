"""Routes, one file a noun. `ROUTERS` are mounted under /api/v1."""

from fastapi import APIRouter

from api.routes import (
    artifacts,
    auth,
    chat,
    config,
    depts,
    generation,
    logs,
    menus,
    monitor,
    prose,
    roles,
    runs,
    speech,
    threads,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    users.router,
    roles.router,
    depts.router,
    menus.router,
    logs.router,
    monitor.router,
    chat.router,
    config.router,
    runs.router,
    threads.router,
    artifacts.router,
    generation.router,
    prose.router,
    speech.router,
)
