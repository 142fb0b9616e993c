"""Sandboxes by the genuine E2B SDK; the only place that imports it. Every call has a time limit and typed errors.

A box is E2B's sandbox: named by E2B's id, running or paused. Which user it belongs to and how long it lives is not known here.
"""

import asyncio
import re
import shlex
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

import httpx
import pyqwest
from e2b import (
    AsyncSandbox,
    AuthenticationException,
    CommandExitException,
    FileType,
    InvalidArgumentException,
    NotEnoughSpaceException,
    NotFoundException,
    RateLimitException,
    SandboxException,
    SandboxInfo,
    SandboxNotFoundException,
    SandboxQuery,
    SandboxState,
    TimeoutException,
)
from e2b.connection_config import ApiParams
from e2b.exceptions import SandboxNotRunningException, SandboxUnreachableException, ServiceBusyException

from agents_backend.domain.errors import (
    AgentsError,
    Invalid,
    PathNotFound,
    SandboxFailed,
    SandboxFull,
    SandboxGone,
    SandboxInterrupted,
    SandboxTimeout,
    SandboxUnavailable,
    Unavailable,
)
from agents_backend.integrations.sandbox_scripts import (
    DIGESTS,
    MAX_OUTPUT,
    START,
    STOP,
    WAIT,
    CommandReport,
    parse_report,
)
from agents_backend.settings import E2BSettings, SandboxSettings

MCP_PORT: Final = 6060
VSCODE_PORT: Final = 9000
OWNER: Final = "agents-backend-sandbox"  # the key of the metadata that names our row
TOKEN_HEADER: Final = "e2b-traffic-access-token"  # noqa: S105  # a header's name
TOKEN_PARAMETER: Final = "e2b_token"  # noqa: S105  # a query parameter's name, which our own host takes from browsers
TRANSFER_SECONDS: Final = 3600.0
_NO_VSCODE_HERE = (
    "This host's sandboxes have no VS Code: run `make vscode` and start it again. For a host that `make up` did not start, "
    "set SANDBOX_VSCODE=true when it has it."
)
_NO_VSCODE_AT_E2B = "SANDBOX_VSCODE says that the template has no VS Code."
_PING_SECONDS = 1.5
PROGRAM_SECONDS: Final = 300.0  # after which E2B kills one that we could not
_KEPT = 500
_NO_FOLDER = 98
_SLACK_SECONDS = 10
_CLIENT_ERROR, _SERVER_ERROR = 400, 500


@dataclass(frozen=True)
class Box:
    """What E2B knows of a box."""

    id: str
    owner: str
    state: Literal["running", "paused"]
    started_at: datetime
    ends_at: datetime
    cpu_count: int
    memory_mb: int


@dataclass(frozen=True)
class Urls:
    """How a box's ports are reached, and the token that opens them."""

    scheme: str
    host: str
    token: str | None

    def of(self, port: int) -> str:
        return f"{self.scheme}://{self.host.replace('{port}', str(port), 1)}"


@dataclass(frozen=True)
class Endpoint:
    """Where a request to one port of a box goes, and the headers that bring it there and open it."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class BoxFile:
    path: str
    is_folder: bool
    size: int


@dataclass(frozen=True)
class NewCommand:
    id: str
    command: str
    cwd: str | None
    env: Mapping[str, str]
    timeout_seconds: int


@dataclass(frozen=True)
class RunningProgram:
    """`send` writes to its standard input; `wait` waits for its end."""

    send: Callable[[str], Awaitable[None]]
    wait: Callable[[], Awaitable[None]]


class Readable(Protocol):
    """Bytes to come, such as an upload's."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Boxes:
    """One a process. Connected boxes are remembered, so that most calls are one request."""

    def __init__(self, e2b: E2BSettings, settings: SandboxSettings) -> None:
        self._e2b, self._seconds = e2b, e2b.request_timeout_seconds
        self._has_vscode = settings.vscode
        self._connected: OrderedDict[str, AsyncSandbox] = OrderedDict()

    @property
    def are_configured(self) -> bool:
        return self._e2b.api_key is not None

    @property
    def no_vscode(self) -> str | None:
        """Why boxes have no VS Code; None when they have. E2B's template has it unless it is said to have none."""
        if self._has_vscode or (self._has_vscode is None and not self._is_own_host):
            return None
        return _NO_VSCODE_HERE if self._is_own_host else _NO_VSCODE_AT_E2B

    @property
    def token_parameter(self) -> str | None:
        """How a browser, which can set no header, gives a port's token in an address; E2B's own ingress has no such way."""
        return TOKEN_PARAMETER if self._is_own_host else None

    @property
    def _is_own_host(self) -> bool:
        return self._e2b.sandbox_url is not None

    # Lives

    async def create(self, owner: str, template: str, *, seconds: int) -> str:
        """Make a box for our row `owner`; gives E2B's id. The key makes a repeated request find the first one's.

        Raises:
            Invalid: there is no such template. SandboxUnavailable, SandboxTimeout, SandboxFailed: E2B fails.
        """
        try:
            async with self._call():
                made = await AsyncSandbox.create(
                    template,
                    timeout=seconds,
                    metadata={OWNER: owner},
                    lifecycle={"on_timeout": "pause"},
                    network={"allow_public_traffic": False},
                    idempotency_key=owner.replace("_", "-"),
                    **self._params(),
                )
        except (Invalid, PathNotFound) as error:
            raise Invalid.field("template_id", f"no sandbox can be made from it ({error.detail})") from error
        self._remember(made)
        return made.sandbox_id

    async def connect(self, box_id: str, *, seconds: int) -> None:
        """Reach a box, resuming it if it is paused, and let it run for at least `seconds` from now.

        Raises:
            SandboxGone: it is not there any more.
        """
        async with self._call():
            self._remember(await AsyncSandbox.connect(box_id, timeout=seconds, **self._params()))

    async def pause(self, box_id: str) -> None:
        """Pause it; again is harmless.

        Raises:
            SandboxGone: it is not there any more.
        """
        self._connected.pop(box_id, None)
        async with self._call():
            await AsyncSandbox.pause(box_id, **self._params())

    async def set_timeout(self, box_id: str, seconds: int) -> None:
        async with self._call():
            await AsyncSandbox.set_timeout(box_id, seconds, **self._params())

    async def kill(self, box_id: str) -> None:
        """Remove it; one that is gone is no error."""
        self._connected.pop(box_id, None)
        async with self._call():
            await AsyncSandbox.kill(box_id, **self._params())

    async def info(self, box_id: str) -> Box | None:
        """What E2B knows of it; None when it is gone."""
        try:
            async with self._call():
                found = await AsyncSandbox.get_info(box_id, **self._params())
        except SandboxGone:
            self._connected.pop(box_id, None)
            return None
        return _box(found)

    async def of_owner(self, owner: str) -> list[Box]:
        return [box async for box in self._list(SandboxQuery(metadata={OWNER: owner}))]

    async def all(self) -> list[Box]:
        """Every box that a deployment of this product made; some may be another deployment's."""
        return [box async for box in self._list(None) if box.owner]

    async def ping(self) -> None:
        """Ask for anything at all.

        Raises:
            SandboxUnavailable, SandboxTimeout, SandboxFailed: E2B, or the host, does not answer in 1.5 s, or refuses our key.
        """
        async with self._call(seconds=_PING_SECONDS):
            await AsyncSandbox.list(limit=1, **self._params()).next_items()

    async def _list(self, query: SandboxQuery | None) -> AsyncIterator[Box]:
        pages = AsyncSandbox.list(query=query, limit=100, **self._params())
        while pages.has_next:
            async with self._call():
                found = await pages.next_items()
            for item in found:
                yield _box(item)

    # Ports

    async def urls(self, box_id: str, *, seconds: int) -> Urls:
        box = await self._reach(box_id, seconds)
        scheme = "http" if (self._e2b.sandbox_url or "").startswith("http://") else "https"
        # The host of port 1 with its number put aside: E2B's own rule, whatever it is.
        return Urls(scheme, box.get_host(1).replace("1-", "{port}-", 1), box.traffic_access_token)

    async def endpoint(self, box_id: str, port: int, *, seconds: int) -> Endpoint:
        """A port as this process reaches it: names of an own host's sandboxes need not resolve here."""
        found = await self.urls(box_id, seconds=seconds)
        url = found.of(port)
        headers = {"Host": url.partition("://")[2], **({TOKEN_HEADER: found.token} if found.token else {})}
        return Endpoint(self._e2b.sandbox_url or url, headers)

    # Files

    async def stat(self, box_id: str, path: str, *, seconds: int) -> BoxFile:
        box = await self._reach(box_id, seconds)
        async with self._call(box_id):
            found = await box.files.get_info(path)
        return BoxFile(found.path, found.type == FileType.DIR, found.size)

    async def list(self, box_id: str, path: str, *, seconds: int) -> Sequence[BoxFile]:
        """What a folder holds, by name.

        Raises:
            PathNotFound: it is not there. Invalid: it is a file.
        """
        box = await self._reach(box_id, seconds)
        async with self._call(box_id):
            found = await box.files.list(path)
        return sorted((BoxFile(f.path, f.type == FileType.DIR, f.size) for f in found), key=lambda file: file.path)

    async def digests(self, box_id: str, folder: str, *, seconds: int) -> dict[str, str]:
        """The SHA-256 of each file two levels below a folder, by its path: small ones, and no more than 2,000."""
        box = await self._reach(box_id, seconds)
        async with self._call(box_id):
            found = await box.commands.run(DIGESTS, envs={"AGENTS_FOLDER": folder}, timeout=self._seconds)
        lines = [line.partition("  ") for line in found.stdout.split("\x00") if line]
        return {path: digest for digest, _, path in lines}

    async def read(self, box_id: str, path: str, *, seconds: int) -> AsyncIterator[bytes]:
        """The file's bytes, as they come.

        Raises:
            PathNotFound: while iterating, as the other errors.
        """
        box = await self._reach(box_id, seconds)
        async with self._call(box_id):
            stream = await box.files.read(path, format="stream")
        with _typed():
            async for piece in stream:
                yield bytes(piece)

    async def write(self, box_id: str, path: str, data: bytes | Readable, *, seconds: int) -> None:
        """Write a file, its folders with it; bytes that come are passed on as they come."""
        box = await self._reach(box_id, seconds)
        limit = None if isinstance(data, bytes) else TRANSFER_SECONDS
        async with self._call(box_id, seconds=limit):
            await box.files.write(path, data if isinstance(data, bytes) else aiter(data))

    async def make_folder(self, box_id: str, path: str, *, seconds: int) -> bool:
        """Make a folder and those above it; False when it is there already."""
        box = await self._reach(box_id, seconds)
        async with self._call(box_id):
            return await box.files.make_dir(path)

    async def remove(self, box_id: str, path: str, *, seconds: int) -> None:
        """Remove a file or folder; one that is not there is no error."""
        box = await self._reach(box_id, seconds)
        try:
            async with self._call(box_id):
                await box.files.remove(path)
        except PathNotFound:
            return

    # Commands

    async def start_command(self, box_id: str, new: NewCommand, *, wait: float, seconds: int) -> CommandReport:
        """Start a command unless it has been started, and wait a while for its end."""
        exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in new.env.items())
        given = {"AGENTS_COMMAND": new.command, "AGENTS_TIMEOUT": str(new.timeout_seconds), "AGENTS_ENV": exports}
        script = START if new.cwd is None else f"cd -- {shlex.quote(new.cwd)} || exit {_NO_FOLDER}\n{START}"
        return await self._script(box_id, script, new.id, wait, seconds, given)

    async def await_command(self, box_id: str, command_id: str, *, wait: float, seconds: int) -> CommandReport:
        """Wait a while for a command's end; with 0, what it has written so far."""
        return await self._script(box_id, WAIT, command_id, wait, seconds)

    async def stop_command(self, box_id: str, command_id: str, *, seconds: int) -> CommandReport:
        """End a command and what it started: asked first, killed after 3 seconds."""
        return await self._script(box_id, STOP, command_id, 0, seconds)

    async def _script(
        self,
        box_id: str,
        script: str,
        command_id: str,
        wait: float,
        seconds: int,
        env: Mapping[str, str] | None = None,
    ) -> CommandReport:
        box = await self._reach(box_id, seconds)
        ours = {"AGENTS_ID": command_id, "AGENTS_WAIT": str(int(wait)), "AGENTS_CAP": str(MAX_OUTPUT)}
        limit = wait + _SLACK_SECONDS
        async with self._call(box_id):
            running = await box.commands.run(
                script, background=True, envs={**(env or {}), **ours}, timeout=limit, request_timeout=self._seconds
            )
        try:
            async with self._call(box_id, seconds=limit):
                done = await running.wait()
        except CommandExitException as error:
            if error.exit_code == _NO_FOLDER:
                raise Invalid.field("cwd", "there is no such folder in the sandbox") from error
            raise SandboxFailed("The sandbox's shell does not answer as it should.") from error
        except (SandboxUnavailable, SandboxTimeout) as error:
            raise SandboxInterrupted from error
        try:
            return parse_report(done.stdout, done.stderr)
        except ValueError as error:
            raise SandboxFailed("The sandbox's shell does not answer as it should.") from error

    @asynccontextmanager
    async def program(
        self, box_id: str, command: str, *, env: Mapping[str, str], take: Callable[[str], None], seconds: int
    ) -> AsyncIterator[RunningProgram]:
        """A program that is spoken with for as long as the block, and killed at its end; `take` gets its output as it comes."""
        box = await self._reach(box_id, seconds)
        async with self._call(box_id):
            running = await box.commands.run(
                command,
                background=True,
                envs=dict(env),
                on_stdout=take,
                stdin=True,
                timeout=PROGRAM_SECONDS,
                retain_output=False,
            )

        async def send(text: str) -> None:
            async with self._call(box_id):
                await running.send_stdin(text)

        async def wait() -> None:
            with suppress(CommandExitException), _typed():
                await running.wait()

        try:
            yield RunningProgram(send, wait)
        finally:
            with suppress(AgentsError):
                async with self._call(box_id):
                    await running.kill()

    # Reaching

    async def _reach(self, box_id: str, seconds: int) -> AsyncSandbox:
        if box_id not in self._connected:
            await self.connect(box_id, seconds=seconds)
        self._connected.move_to_end(box_id)
        return self._connected[box_id]

    def _remember(self, box: AsyncSandbox) -> None:
        self._connected[box.sandbox_id] = box
        while len(self._connected) > _KEPT:
            self._connected.popitem(last=False)

    def forget(self, box_id: str) -> None:
        """The next call connects anew."""
        self._connected.pop(box_id, None)

    @asynccontextmanager
    async def _call(self, box_id: str | None = None, *, seconds: float | None = None) -> AsyncIterator[None]:
        """Bound a call and give its failure a type; after one, the box is connected to anew."""
        try:
            with _typed():
                async with asyncio.timeout(seconds or self._seconds):
                    yield
        except AgentsError:
            if box_id is not None:
                self._connected.pop(box_id, None)
            raise

    def _params(self) -> ApiParams:
        if self._e2b.api_key is None:
            raise SandboxUnavailable("There are no sandboxes here: E2B_API_KEY is not set.")
        found = ApiParams(
            api_key=self._e2b.api_key.get_secret_value(),
            domain=self._e2b.domain,
            request_timeout=self._seconds,
            retries=1,
        )
        if self._e2b.api_url:
            found["api_url"] = self._e2b.api_url
        if self._e2b.sandbox_url:
            found["sandbox_url"] = self._e2b.sandbox_url
        return found


def _box(found: SandboxInfo) -> Box:
    return Box(
        id=found.sandbox_id,
        owner=found.metadata.get(OWNER, ""),
        state="paused" if found.state == SandboxState.PAUSED else "running",
        started_at=found.started_at,
        ends_at=found.end_at,
        cpu_count=found.cpu_count,
        memory_mb=found.memory_mb,
    )


_KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], type[AgentsError]], ...] = (
    ((SandboxNotFoundException, SandboxNotRunningException), SandboxGone),
    (NotFoundException, PathNotFound),
    (NotEnoughSpaceException, SandboxFull),
    (
        (SandboxUnreachableException, ServiceBusyException, RateLimitException, AuthenticationException),
        SandboxUnavailable,
    ),
    ((TimeoutException, TimeoutError, httpx.TimeoutException), SandboxTimeout),
    ((httpx.TransportError, OSError, pyqwest.ReadError, pyqwest.WriteError, pyqwest.StreamError), SandboxUnavailable),
)


# What is the request's fault and the SDK has no error of its own for: it leaves `403: …` or `Code.PERMISSION_DENIED: …`.
# E2B itself says of some that they are internal errors.
_REFUSED = re.compile(
    r"(?:(?:403|409|Code\.(?:PERMISSION_DENIED|ALREADY_EXISTS)): |(?=.*(?:permission denied|read-only|not a directory)))(?P<why>.*)",
    re.IGNORECASE | re.DOTALL,
)


@contextmanager
def _typed() -> Iterator[None]:
    """The SDK's errors as ours. What E2B says of itself stays out of the sentence; what it says of the request does not."""
    try:
        yield
    except CommandExitException:  # no error of the SDK's
        raise
    except InvalidArgumentException as error:
        raise Invalid(f"The sandbox refuses this: {error}"[:300]) from error
    except (SandboxException, AuthenticationException, ServiceBusyException, httpx.HTTPError, OSError) as error:
        raise _of(error) from error
    except (pyqwest.ReadError, pyqwest.WriteError, pyqwest.StreamError) as error:
        raise _of(error) from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise SandboxFailed(retry_after=5) from error  # the SDK's own, for an answer that it does not understand


def _of(error: Exception) -> AgentsError:
    for kinds, ours in _KINDS:
        if isinstance(error, kinds):
            return ours(retry_after=5) if issubclass(ours, Unavailable) else ours()
    if type(error) is SandboxException and (refused := _REFUSED.match(str(error))):
        return Invalid(f"The sandbox refuses this: {refused['why']}"[:300])
    status = getattr(error, "status_code", None)
    if status is not None and _CLIENT_ERROR <= status < _SERVER_ERROR:
        return Invalid(f"The sandbox service refuses this: {error}"[:300])
    return SandboxFailed(retry_after=5)
