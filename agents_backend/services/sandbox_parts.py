"""The services of sandboxes, put together the same way in the API and in workers."""

from dataclasses import dataclass

from temporalio.client import Client

from agents_backend.db.base import Database
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.presigned import PresignedUrls
from agents_backend.integrations.sandboxes import Boxes
from agents_backend.services.credential_files import CredentialFiles, CredentialMirror
from agents_backend.services.sandbox_access import SandboxAccess
from agents_backend.services.sandbox_commands import SandboxCommands
from agents_backend.services.sandbox_entities import SandboxEntities
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.sandbox_lives import SandboxLives
from agents_backend.services.sandbox_sweeps import SandboxSweeps
from agents_backend.services.sandboxes import Sandboxes
from agents_backend.services.slide_exports import SlideExports
from agents_backend.services.slide_mirror import SlideMirror
from agents_backend.services.slides import Slides
from agents_backend.services.vault import Vault
from agents_backend.settings import Settings


@dataclass(frozen=True, kw_only=True)
class SandboxParts:
    boxes: Boxes
    entities: SandboxEntities
    access: SandboxAccess
    sandboxes: Sandboxes
    commands: SandboxCommands
    lives: SandboxLives
    sweeps: SandboxSweeps
    slides: Slides
    exports: SlideExports


def sandbox_parts(*, database: Database, temporal: Client, settings: Settings) -> SandboxParts:
    own = settings.sandboxes
    boxes = Boxes(settings.e2b, own)
    mirror = SlideMirror(database=database, boxes=boxes)
    files = CredentialFiles(database=database, vault=Vault(settings.vault))
    credentials = CredentialMirror(files=files, boxes=boxes)
    entities = SandboxEntities(temporal=temporal, check_seconds=own.check_seconds)
    access = SandboxAccess(database=database, entities=entities)
    commands = SandboxCommands(
        database=database, boxes=boxes, entities=entities, access=access, settings=own, vault=Vault(settings.vault)
    )
    slides = Slides(database=database, mirror=mirror)
    return SandboxParts(
        boxes=boxes,
        entities=entities,
        access=access,
        sandboxes=Sandboxes(
            database=database, boxes=boxes, entities=entities, access=access, settings=own, e2b=settings.e2b
        ),
        commands=commands,
        lives=SandboxLives(database=database, boxes=boxes, mirror=mirror, credentials=credentials, settings=own),
        sweeps=SandboxSweeps(database=database, boxes=boxes, entities=entities, commands=commands),
        slides=slides,
        exports=SlideExports(slides=slides, access=access, boxes=boxes),
    )


def sandbox_files(parts: SandboxParts, settings: Settings, *, pages: Pages, presigned: PresignedUrls) -> SandboxFiles:
    """Apart, for it opens connections of its own to users' URLs."""
    return SandboxFiles(
        access=parts.access, boxes=parts.boxes, pages=pages, presigned=presigned, settings=settings.sandboxes
    )
