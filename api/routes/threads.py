"""Threads: a user's conversations."""

from fastapi import APIRouter

from agents_backend.domain.errors import Invalid, NotFound, ThreadBusy, Unauthenticated, Unavailable
from api.dependencies import CurrentUser, ThreadsOf
from api.openapi import errors
from api.schemas.pages import Number, Page, Size
from api.schemas.runs import MessageView, ThreadView

router = APIRouter(tags=["threads"], responses=errors(Invalid, Unauthenticated, NotFound, Unavailable))


@router.get("/agent/threads", summary="List one's threads, the last used first")
async def list_threads(user: CurrentUser, threads: ThreadsOf, page: Number = 1, size: Size = 20) -> Page[ThreadView]:
    found, total = await threads.list(user.user_id, page=page, size=size)
    return Page(items=[ThreadView.of(item) for item in found], total=total, page=page, size=size)


@router.get("/agent/threads/{thread_id}", summary="A thread")
async def get_thread(thread_id: str, user: CurrentUser, threads: ThreadsOf) -> ThreadView:
    return ThreadView.of(await threads.get(thread_id, user.user_id))


@router.delete(
    "/agent/threads/{thread_id}",
    status_code=204,
    summary="Forget a thread and what was said in it",
    responses=errors(ThreadBusy),
)
async def delete_thread(thread_id: str, user: CurrentUser, threads: ThreadsOf) -> None:
    await threads.delete(thread_id, user.user_id)


@router.get("/agent/threads/{thread_id}/messages", summary="A thread's messages, in their order")
async def list_messages(
    thread_id: str, user: CurrentUser, threads: ThreadsOf, page: Number = 1, size: Size = 100
) -> Page[MessageView]:
    found, total = await threads.messages(thread_id, user.user_id, page=page, size=size)
    return Page(items=[MessageView.of(item) for item in found], total=total, page=page, size=size)
