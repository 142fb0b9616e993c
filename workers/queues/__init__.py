"""Which workflows and activities each task queue runs, one file a queue. A new feature adds its work to its queue's."""

from collections.abc import Callable

from agents_backend.contracts import queues
from workers.queues.background import background
from workers.queues.chat import chat, graphs
from workers.queues.media import media
from workers.queues.parts import Parts, Work
from workers.queues.sandboxes import sandbox

WORK: dict[str, Callable[[Parts], Work]] = {
    queues.CHAT: chat,
    queues.MEDIA: media,
    queues.SANDBOX: sandbox,
    queues.BACKGROUND: background,
}

__all__ = ["WORK", "Parts", "Work", "graphs"]
