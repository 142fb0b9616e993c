"""Sandboxes, and the slides that are written in them."""

from agents_backend.services.sandbox_parts import sandbox_files, sandbox_parts
from agents_backend.services.sandbox_reach import SandboxReach
from api.composition.parts import Parts


class Boxes:
    def __init__(self, parts: Parts) -> None:
        made = sandbox_parts(database=parts.database, temporal=parts.temporal, settings=parts.settings)
        self.sandbox_reach = SandboxReach(made.boxes)
        self.sandboxes = made.sandboxes
        self.sandbox_commands = made.commands
        self.sandbox_files = sandbox_files(made, parts.settings, pages=parts.pages, presigned=parts.presigned)
        self.slides = made.slides
        self.slide_exports = made.exports
