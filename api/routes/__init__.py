"""Routes, one file a noun. `ROUTERS` are mounted under /api/v1."""

from fastapi import APIRouter

from api.routes import (
    artifacts,
    auth,
    chat,
    config,
    generation,
    prose,
    runs,
    sandbox_files,
    sandboxes,
    slides,
    speech,
    threads,
)

ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    chat.router,
    config.router,
    runs.router,
    threads.router,
    artifacts.router,
    generation.router,
    prose.router,
    speech.router,
    sandboxes.router,
    slides.router,
    sandbox_files.router,
)
