"""Routes, one file a noun. `ROUTERS` are mounted under /api/v1."""

from fastapi import APIRouter

from api.routes import auth, chat, config, depts, logs, menus, monitor, roles, runs, threads, users

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
)
