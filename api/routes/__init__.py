"""Routes, one file a noun. `ROUTERS` are mounted under /api/v1."""

from fastapi import APIRouter

from api.routes import (
    artifacts,
    auth,
    chat,
    config,
    depts,
    generation,
    generator,
    logs,
    menus,
    monitor,
    prose,
    roles,
    runs,
    sandbox_files,
    sandboxes,
    schedulers,
    slides,
    speech,
    threads,
    users,
)

ROUTERS: tuple[APIRouter, ...] = (
    artifacts.router,
    auth.router,
    chat.router,
    config.router,
    depts.router,
    generation.router,
    generator.router,
    logs.router,
    menus.router,
    monitor.router,
    prose.router,
    roles.router,
    runs.router,
    schedulers.router,
    speech.router,
    sandboxes.router,
    slides.router,
    sandbox_files.router,
    threads.router,
    users.router,
)
