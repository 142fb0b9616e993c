"""Retention of artifacts."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.services.artifacts import Artifacts


class ArtifactActivities:
    def __init__(self, *, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    @activity.defn(name=names.EXPIRE_ARTIFACTS)
    async def expire_artifacts(self) -> int:
        async with working():
            return await self._artifacts.expire()
