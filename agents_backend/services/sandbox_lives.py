"""What a sandbox's workflow does to it: each step is done at E2B first, then written down; each may be repeated."""

from datetime import UTC, datetime, timedelta

import structlog

from agents_backend.contracts.sandboxes import Farewell, Lease, SandboxRef, SandboxState
from agents_backend.db.base import Database, now
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.sandboxes import Sandbox
from agents_backend.domain.errors import AgentsError, NotFound, SandboxGone
from agents_backend.domain.sandboxes import SandboxStatus
from agents_backend.integrations.sandboxes import Boxes
from agents_backend.services.credential_files import CredentialMirror
from agents_backend.services.slide_mirror import SlideMirror
from agents_backend.settings import SandboxSettings

# E2B's own timer runs behind ours: it pauses what we could not, and never before we did.
MARGIN_SECONDS = 300
BUSY_SECONDS = 60
_MOST_SECONDS = 86_400
_log = structlog.get_logger(__name__)
LOST = "E2B does not have it any more: its files are gone."


def lease_of(expires_at: datetime | None) -> int:
    """For how many seconds E2B should keep a box running, by its row."""
    left = (expires_at - datetime.now(UTC)).total_seconds() if expires_at else 0
    return int(min(max(left, 0) + MARGIN_SECONDS, _MOST_SECONDS))


class SandboxLives:
    def __init__(
        self,
        *,
        database: Database,
        boxes: Boxes,
        mirror: SlideMirror,
        credentials: CredentialMirror,
        settings: SandboxSettings,
    ) -> None:
        self._database, self._boxes, self._mirror, self._settings = database, boxes, mirror, settings
        self._credentials = credentials

    async def create(self, ref: SandboxRef, *, attempt: int = 1) -> SandboxState:
        """Make the box of a row; a later attempt looks first for what an earlier one made. One that cannot be made ends the row.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        row = await self._row(ref)
        if row.status != SandboxStatus.CREATING:
            return state_of(row)
        expires = now() + timedelta(seconds=row.timeout_seconds)
        try:
            made = await self._boxes.of_owner(row.id) if attempt > 1 else []
            box_id = (
                made[0].id if made else await self._boxes.create(row.id, row.template_id, seconds=lease_of(expires))
            )
        except AgentsError as error:
            _log.warning("sandbox_not_made", sandbox_id=row.id, code=error.code, detail=error.detail)
            return await self._end(row, SandboxStatus.FAILED, error.detail, error_code=error.code)
        await self._credentials.bring(row.user_id, box_id, seconds=lease_of(expires))
        return await self._set(row, SandboxStatus.RUNNING, e2b_id=box_id, expires_at=expires)

    async def resume(self, lease: Lease) -> SandboxState:
        """Let it run for a while from now; it is resumed if it is paused, and its slides are brought up to date.

        Raises:
            SandboxGone: it is no more. Unavailable: E2B fails.
        """
        row = await self._row(lease.sandbox)
        expires = now() + timedelta(seconds=lease.seconds or row.timeout_seconds)
        if (
            row.status == SandboxStatus.RUNNING
            and lease.seconds is None
            and row.expires_at
            and row.expires_at > expires
        ):
            expires = row.expires_at
        try:
            await self._boxes.connect(box_of(row), seconds=lease_of(expires))
        except SandboxGone:
            await self._end(row, SandboxStatus.LOST, LOST)
            raise
        state = await self._set(row, SandboxStatus.RUNNING, expires_at=expires)
        await self._credentials.bring(row.user_id, box_of(row), seconds=lease_of(expires))
        await self._mirror.sync(row.id, box_of(row), seconds=lease_of(expires))
        return state

    async def extend(self, lease: Lease) -> SandboxState:
        """Let a running one run until `seconds` from now, longer or shorter than before.

        Raises:
            SandboxGone: it is no more. Unavailable: E2B fails.
        """
        row = await self._row(lease.sandbox)
        expires = now() + timedelta(seconds=lease.seconds or row.timeout_seconds)
        await self._boxes.set_timeout(box_of(row), lease_of(expires))
        return await self._set(row, SandboxStatus.RUNNING, expires_at=expires)

    async def pause(self, ref: SandboxRef) -> SandboxState:
        """Pause it; it is kept for the retention time.

        Raises:
            SandboxGone: it is no more. Unavailable: E2B fails.
        """
        row = await self._row(ref)
        if row.status == SandboxStatus.PAUSED:
            return state_of(row)
        await self._keep_slides(row)
        try:
            await self._boxes.pause(box_of(row))
        except SandboxGone:
            await self._end(row, SandboxStatus.LOST, LOST)
            raise
        return await self._paused(row)

    async def pause_idle(self, ref: SandboxRef) -> SandboxState:
        """Its time is up: pause it, unless a command runs in it; then it gets another minute."""
        row = await self._row(ref)
        async with self._database.transaction() as session:
            is_busy = await SandboxRepository(session).running_count(row.id) > 0
        if is_busy and row.status == SandboxStatus.RUNNING:
            return await self.extend(Lease(sandbox=ref, seconds=BUSY_SECONDS))
        try:
            return await self.pause(ref)
        except SandboxGone:
            return state_of(await self._row(ref))

    async def remove(self, farewell: Farewell) -> SandboxState:
        """Remove it from E2B, whatever state it is in, and every box that an attempt to make it may have left.

        Raises:
            Unavailable: E2B fails.
        """
        row = await self._row(farewell.sandbox)
        await self._keep_slides(row)
        if row.e2b_id:
            await self._boxes.kill(row.e2b_id)
        for box in await self._boxes.of_owner(row.id):
            await self._boxes.kill(box.id)
        return await self._end(row, farewell.status, farewell.reason)

    async def check(self, ref: SandboxRef) -> SandboxState:
        """Compare the row with E2B: what died underneath is told, what was paused or resumed underneath is written down.

        Raises:
            Unavailable: E2B fails.
        """
        row = await self._row(ref)
        if SandboxStatus(row.status).is_final or row.e2b_id is None:
            return state_of(row)
        box = await self._boxes.info(row.e2b_id)
        if box is None:
            _log.warning("sandbox_lost", sandbox_id=row.id)
            return await self._end(row, SandboxStatus.LOST, LOST)
        if box.state == "paused" and row.status == SandboxStatus.RUNNING:
            return await self._paused(row)
        if box.state == "running" and row.status == SandboxStatus.PAUSED:
            return await self._set(row, SandboxStatus.RUNNING, expires_at=box.ends_at)
        return state_of(row)

    async def _keep_slides(self, row: Sandbox) -> None:
        """Slides outlive the sandbox, those too that were written in it since anybody asked."""
        if row.status == SandboxStatus.RUNNING and row.e2b_id:
            await self._mirror.sync(row.id, row.e2b_id, seconds=lease_of(row.expires_at))

    async def _paused(self, row: Sandbox) -> SandboxState:
        until = now() + timedelta(days=self._settings.retention_days)
        return await self._set(row, SandboxStatus.PAUSED, expires_at=until)

    async def _end(
        self, row: Sandbox, status: SandboxStatus, reason: str, *, error_code: str | None = None
    ) -> SandboxState:
        return await self._set(row, status, reason=reason, error_code=error_code, expires_at=None)

    async def _set(self, row: Sandbox, status: SandboxStatus, **values: object) -> SandboxState:
        async with self._database.transaction() as session:
            rows = SandboxRepository(session)
            await rows.set_state(row.id, status, **values)
            found = await rows.sandbox(row.id)
        return state_of(found or row)

    async def _row(self, ref: SandboxRef) -> Sandbox:
        async with self._database.transaction() as session:
            row = await SandboxRepository(session).sandbox(ref.sandbox_id)
        if row is None:
            raise NotFound("There is no such sandbox.", code="SANDBOX_NOT_FOUND")
        return row


def state_of(row: Sandbox) -> SandboxState:
    return SandboxState(status=SandboxStatus(row.status), expires_at=row.expires_at, reason=row.reason)


def box_of(row: Sandbox) -> str:
    """E2B's id.

    Raises:
        SandboxGone: it has none, or has ended.
    """
    if row.e2b_id is None or SandboxStatus(row.status).is_final:
        raise SandboxGone
    return row.e2b_id
