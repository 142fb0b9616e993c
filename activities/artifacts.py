"""Retention of artifacts."""

from temporalio import activity

from activities.failures import as_failures
from activities.heartbeats import beating
from agents_backend.contracts import activities as names
from agents_backend.services.artifacts import Artifacts


class ArtifactActivities:
    def __init__(self, *, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    @activity.defn(name=names.EXPIRE_ARTIFACTS)
    async def expire_artifacts(self) -> int:
        with as_failures():
            async with beating():
                return await self._artifacts.expire()
