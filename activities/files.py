"""The end of staged files."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.services.staged_files import StagedFiles


class FileActivities:
    def __init__(self, *, files: StagedFiles) -> None:
        self._files = files

    @activity.defn(name=names.EXPIRE_FILES)
    async def expire_files(self) -> int:
        async with working():
            return await self._files.expire()
