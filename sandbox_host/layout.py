"""What every box sees of the host, prepared once at the start: programs, an /etc of its own, the agent, an interpreter.

Root prepares it in a mount namespace of its own, on a tmpfs that other users can pass through: the project may lie in a folder that
is closed to the boxes' users. Without mounts the same lies in the data folder.
"""

import compileall
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox_host import kernel

RUNTIME = Path("/run/agents-backend-sandbox-host")
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SMALL_ETC = ("ld.so.cache", "ld.so.conf", "localtime", "mime.types", "services", "protocols", "gai.conf")
_ETC_TREES = ("alternatives", "ssl/certs", "ld.so.conf.d", "fonts")
_BASE_PYTHON = "/opt/sandbox/python"
_BOX_WRITES = ("/home/user", "/tmp", "/var/tmp", "/proc", "/dev")  # noqa: S108


@dataclass(frozen=True)
class Layout:
    """Where the prepared things lie, and the bubblewrap arguments that show them."""

    runtime: Path
    arguments: tuple[str, ...]
    python: str
    path: str
    mounted: bool
    resolver: Path

    def show(self, source: Path, name: str) -> Path:
        """A path to a folder or file that the boxes' users can reach."""
        return _reachable(source, self.runtime / name, mounted=self.mounted)


def enter_mount_namespace() -> bool:
    """Whether this process may mount, and now does so unseen by the rest of the machine."""
    if os.getuid() != 0:
        return False
    try:
        RUNTIME.mkdir(mode=0o711, exist_ok=True)
        kernel.leave_mount_namespace()
        kernel.mount("tmpfs", RUNTIME, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=711,size=16m")
    except OSError:
        return False
    return True


def prepare(data_dir: Path, *, mounted: bool, resolver: str) -> Layout:
    runtime = RUNTIME if mounted else data_dir / "runtime"
    if not mounted:
        shutil.rmtree(runtime, ignore_errors=True)
        runtime.mkdir(mode=0o711)
    own = Path(__file__).parent / "box"
    compileall.compile_dir(own, quiet=2)
    agent = _agent(own, runtime)
    arguments = [*_system(), "--ro-bind", str(_etc(runtime)), "/etc", "--ro-bind", str(agent), "/run/sandbox/box"]
    python, more = _interpreter(runtime, mounted=mounted)
    names = _names(runtime, python)
    arguments += [*more, "--ro-bind", str(names), "/opt/sandbox/bin"]
    path = ["/home/user/.local/bin", "/opt/sandbox/bin", str(Path(python).parent)]
    path += ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    return Layout(
        runtime=runtime,
        arguments=tuple(arguments),
        python=python,
        path=":".join(dict.fromkeys(path)),
        mounted=mounted,
        resolver=_resolver(runtime, resolver),
    )


def _system() -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            arguments += ["--ro-bind", name, name]
    base = Path(sys.base_prefix).resolve()
    hidden = [Path("/usr/local"), Path("/usr/src")]
    for folder in hidden:
        if folder.is_dir() and not base.is_relative_to(folder):
            arguments += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    return arguments


def _agent(own: Path, runtime: Path) -> Path:
    copy = runtime / "box"
    shutil.copytree(own, copy, dirs_exist_ok=True)
    _open(copy)
    return copy


def _interpreter(runtime: Path, *, mounted: bool) -> tuple[str, list[str]]:
    """The host's own interpreter, so that its packages fit, and at its own path, where it finds its library.

    Nothing is mounted below a folder that the box writes to: there a link of its making could lead the mount astray.
    """
    base = Path(sys.base_prefix).resolve()
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if base.is_relative_to("/usr"):
        return str(base / "bin" / name), []
    target = _BASE_PYTHON if any(base.is_relative_to(folder) for folder in _BOX_WRITES) else str(base)
    shown = _reachable(base, runtime / "python", mounted=mounted)
    return f"{target}/bin/{name}", ["--ro-bind", str(shown), target]


def _reachable(source: Path, target: Path, *, mounted: bool) -> Path:
    if not mounted:
        return source
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.parent.chmod(0o711)
        kernel.bind(source, target)
    return target


def _names(runtime: Path, python: str) -> Path:
    """`python` and `python3` are the interpreter, whatever the system calls it."""
    folder = runtime / "bin"
    folder.mkdir(exist_ok=True)
    for name in ("python", "python3"):
        (folder / name).symlink_to(python)
    _open(folder)
    return folder


def _etc(runtime: Path) -> Path:
    etc = runtime / "etc"
    etc.mkdir(exist_ok=True)
    for name, text in _FILES.items():
        (etc / name).write_text(text)
    for name in _SMALL_ETC:
        if (source := Path("/etc") / name).is_file():
            shutil.copyfile(source, etc / name)
    for name in _ETC_TREES:
        if (source := Path("/etc") / name).is_dir():
            shutil.copytree(source, etc / name, symlinks=True, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    if Path("/usr/lib/os-release").exists():
        (etc / "os-release").symlink_to("/usr/lib/os-release")
    _open(etc)
    return etc


def _resolver(runtime: Path, address: str) -> Path:
    """The resolv.conf of boxes that have a way out; the others' is empty."""
    file = runtime / "resolv.conf"
    file.write_text(f"nameserver {address}\n")
    file.chmod(0o644)
    return file


def _open(folder: Path) -> None:
    """Readable for the boxes' users, whatever our umask is."""
    folder.chmod(0o755)
    for parent, folders, names in os.walk(folder):
        for name in folders:
            (Path(parent) / name).chmod(0o755)
        for name in names:
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(0o644)


_FILES = {
    "passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\nuser:x:1000:1000:user:/home/user:/bin/bash\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "hostname": "sandbox\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    "resolv.conf": "",
    "shells": "/bin/sh\n/bin/bash\n",
    "profile": "umask 022\n",
    "bash.bashrc": "[ -n \"$PS1\" ] && PS1='\\u@\\h:\\w\\$ '\n",
}
