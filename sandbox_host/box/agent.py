"""The first process of a box: does what the host asks, reaps the dead, and ends, with everything, when the host leaves."""

import ctypes
import json
import os
import resource
import selectors
import signal
import socket
import sys
import threading
from typing import Any

from . import files, wire
from .files import Refused, refusal, resolve
from .processes import Processes
from .watches import Watches

_MAX_THREADS = 64
_DIAL_SECONDS = 2.0
_NICE = 5  # where no control group does, this keeps the host ahead of its boxes
_PR_SET_DUMPABLE = 4


class Agent:
    def __init__(self, sock: socket.socket, settings: dict[str, Any]) -> None:
        self._sock = sock
        self._processes = Processes(settings["env"])
        self._watches: dict[int, Watches] = {}
        self._threads = threading.BoundedSemaphore(_MAX_THREADS)
        self._selector = selectors.DefaultSelector()
        for name, value in settings["rlimits"].items():
            number = getattr(resource, name)
            resource.setrlimit(number, (value, value))

    def run(self) -> None:
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._sock, selectors.EVENT_READ, self._take)
        self._selector.register(woken, selectors.EVENT_READ, lambda: self._reap(woken))
        self._send({"event": "hello"})
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _send(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        try:
            self._sock.sendmsg([wire.encode(message)], wire.ancillary(fds or []))
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)

    def _reap(self, woken: int) -> None:
        os.read(woken, 4096)
        for pid, status in self._processes.reap():
            self._send({"event": "exit", "pid": pid, "status": status})

    def _take(self) -> None:
        data, fds = wire.receive(self._sock)
        if not data:
            os._exit(0)  # the host is gone: PID 1's end is everyone's
        request = json.loads(data)
        if request["op"] in _SWIFT:
            self._answer(request, fds)
        elif not self._threads.acquire(blocking=False):
            self._close(fds)
            self._refuse(request, Refused("busy", "too many file operations at once"))
        else:
            try:
                threading.Thread(target=self._answer_and_release, args=(request, fds), daemon=True).start()
            except RuntimeError:  # the box is out of processes
                self._threads.release()
                self._close(fds)
                self._refuse(request, Refused("busy", "the sandbox is out of processes"))

    def _answer_and_release(self, request: dict[str, Any], fds: list[int]) -> None:
        try:
            self._answer(request, fds)
        finally:
            self._threads.release()

    def _answer(self, request: dict[str, Any], fds: list[int]) -> None:
        given: list[int] = []
        try:
            answer, given = getattr(self, "op_" + request["op"])(request, fds)
            self._send({"id": request["id"], "ok": answer}, given)
        except Refused as error:
            self._refuse(request, error)
        except OSError as error:
            self._refuse(request, refusal(error))
        finally:
            self._close(fds + given)

    def _refuse(self, request: dict[str, Any], error: Refused) -> None:
        self._send({"id": request["id"], "error": [error.code, str(error)]})

    @staticmethod
    def _close(fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)

    # Each op_ gives its answer and the descriptors to send with it; those it was sent are closed after it.

    def op_spawn(self, request: dict[str, Any], fds: list[int]) -> tuple[Any, list[int]]:
        pid, given = self._processes.spawn(request, fds)
        return {"pid": pid}, given

    def op_signal(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        self._processes.signal(request["pid"], request["signal"])
        return {}, []

    def op_end_all(self, _: dict[str, Any], __: list[int]) -> tuple[Any, list[int]]:
        self._processes.end_all(keep=1)
        return {}, []

    def op_watch(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        number, recursive = request["watch"], request["recursive"]
        watch = Watches(resolve(request["path"]), recursive=recursive, with_entry=request["entry"])
        self._watches[number] = watch
        self._selector.register(watch.fd, selectors.EVENT_READ, lambda: self._tell(number, watch))
        return {}, []

    def _tell(self, number: int, watch: Watches) -> None:
        events = watch.read()
        for at in range(0, len(events), 100):
            self._send({"event": "watch", "watch": number, "events": events[at : at + 100]})

    def op_unwatch(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        if watch := self._watches.pop(request["watch"], None):
            self._selector.unregister(watch.fd)
            watch.close()
        return {}, []

    def op_stat(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        return files.entry(resolve(request["path"])), []

    def op_list(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        for part in files.listing(resolve(request["path"]), request["depth"]):
            self._send({"id": request["id"], "part": part})
        return {}, []

    def op_make_dir(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        return files.make_dir(resolve(request["path"])), []

    def op_move(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        return files.move(resolve(request["source"]), resolve(request["destination"])), []

    def op_remove(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        files.remove(resolve(request["path"]))
        return {}, []

    def op_read(self, request: dict[str, Any], fds: list[int]) -> tuple[Any, list[int]]:
        source, size = files.open_for_reading(resolve(request["path"]))
        try:
            self._send({"id": request["id"], "part": size})
            files.send(source, size, fds[0])
        finally:
            os.close(source)
        return {}, []

    def op_write(self, request: dict[str, Any], fds: list[int]) -> tuple[Any, list[int]]:
        return files.write(resolve(request["path"]), fds[0], request["metadata"]), []

    def op_dial(self, request: dict[str, Any], _: list[int]) -> tuple[Any, list[int]]:
        for address in ("127.0.0.1", "::1"):
            try:
                connected = socket.create_connection((address, request["port"]), _DIAL_SECONDS)
            except OSError:
                continue
            connected.settimeout(None)
            return {}, [connected.detach()]
        raise Refused("not_found", f"nothing listens on port {request['port']}")


_SWIFT = frozenset({"spawn", "signal", "end_all", "watch", "unwatch"})


def main() -> None:
    """Run on the inherited socket whose number is the argument; the first message on it is the settings.

    They do not come as an argument: that could be read by every user of the host.
    """
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # the box's programs cannot trace it or take its socket
    os.nice(_NICE)
    sock = socket.socket(fileno=int(sys.argv[1]))
    settings, _ = wire.receive(sock)
    if settings:
        Agent(sock, json.loads(settings)).run()
