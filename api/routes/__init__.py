"""Routes, one file a noun. `ROUTERS` are mounted under /api/v1."""

from fastapi import APIRouter

from api.routes import auth, chat, config, runs, sandbox_files, sandboxes, slides, threads

ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    chat.router,
    config.router,
    runs.router,
    sandboxes.router,
    slides.router,
    sandbox_files.router,
    threads.router,
)
