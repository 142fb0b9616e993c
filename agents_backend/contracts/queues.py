"""The task queues, by kind of work; a worker process takes any set of them."""

from typing import Final

CHAT: Final = "chat"
MEDIA: Final = "media"
SANDBOX: Final = "sandbox"
BACKGROUND: Final = "background"
QUEUES: Final = (CHAT, MEDIA, SANDBOX, BACKGROUND)
