"""Routes, one file a noun. `ROUTERS` are mounted under /api/v1."""

from fastapi import APIRouter

from api.routes import (
    artifacts,
    auth,
    chat,
    config,
    credits,  # noqa: A004  # the noun
    depts,
    generation,
    generator,
    logs,
    menus,
    monitor,
    oauth2,
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
    credits.router,
    depts.router,
    generation.router,
    generator.router,
    logs.router,
    menus.router,
    monitor.router,
    oauth2.router,
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
