"""A sandbox's disk: what it may write to, kept in its folder while it is paused and after the host's end.

Root has images: an ext4 file with a size of its own, mounted through a loop device, so that the kernel holds the quota. Others have
a plain folder whose size is measured every few seconds; one that grows too large has its processes ended (see docs/sandbox-host.md).
"""

import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sandbox_host import kernel
from sandbox_host.errors import BootFailed

WRITABLE = ("home", "tmp", "var-tmp")
_MKFS_SECONDS = 60
_COPY_BYTES = 1 << 22
_COPIED = frozenset({stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK})


class Disk(Protocol):
    """One sandbox's disk, opened while its box runs."""

    root: Path

    def open(self) -> None: ...

    def close(self) -> None: ...

    def usage(self) -> tuple[int, int]:
        """Used and total bytes."""
        ...

    def copy_to(self, folder: Path) -> None:
        """Copy the disk, whose box is frozen or stopped, for another sandbox."""
        ...


class Disks(Protocol):
    holds_quota: bool

    def disk(self, name: str, folder: Path) -> Disk: ...

    def create(self, folder: Path, owner: int | None, megabytes: int, source: Path | None) -> None:
        """Make a disk in a sandbox's folder, empty or as a copy of the one in `source`."""
        ...


class ImageDisks:
    """ext4 images. The first of a size is formatted, the others are sparse copies of it: 4 ms instead of 12."""

    holds_quota = True

    def __init__(self, state: Path, mounts: Path) -> None:
        self._blanks, self._mounts = state, mounts
        # Sandboxes are made in threads, and a host's first may be several at once.
        self._making_blank = threading.Lock()

    def disk(self, name: str, folder: Path) -> "ImageDisk":
        return ImageDisk(folder / "disk.img", self._mounts / name)

    def create(self, folder: Path, owner: int | None, megabytes: int, source: Path | None) -> None:
        image = folder / "disk.img"
        with self._making_blank:
            origin = source / "disk.img" if source else self._blank(megabytes)
        _copy_sparse(origin, image)
        disk = self.disk(folder.name, folder)
        disk.open()
        try:
            _own(disk.root, owner, everything=source is not None)
        except BaseException:
            disk.close()
            raise

    def _blank(self, megabytes: int) -> Path:
        blank = self._blanks / f"blank-{megabytes}.img"
        if blank.exists():
            return blank
        scratch = blank.with_suffix(".new")
        scratch.touch(mode=0o600)
        with scratch.open("wb") as file:
            file.truncate(megabytes << 20)
        options = "lazy_itable_init=1,lazy_journal_init=1"
        command = ["mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4", "-E", options, str(scratch)]
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        found = shutil.which(command[0], path=path)
        if found is None:
            raise BootFailed("mkfs.ext4 is missing (Debian: e2fsprogs)")
        done = subprocess.run(  # noqa: S603  # the command is ours
            [found, *command[1:]], capture_output=True, timeout=_MKFS_SECONDS, check=False
        )
        if done.returncode:
            raise BootFailed(f"mkfs.ext4: {done.stderr.decode(errors='replace').strip()}")
        scratch.rename(blank)
        return blank


class ImageDisk:
    def __init__(self, image: Path, mounted: Path) -> None:
        self._image, self._mounted = image, mounted
        self.root = mounted / "data"

    def open(self) -> None:
        if self._mounted.is_mount():
            return
        self._mounted.mkdir(exist_ok=True)
        kernel.mount_image(self._image, self._mounted)
        self._mounted.chmod(0o711)

    def close(self) -> None:
        if self._mounted.is_mount():
            kernel.unmount(self._mounted)
        with suppress(OSError):
            self._mounted.rmdir()

    def usage(self) -> tuple[int, int]:
        if not self._mounted.is_mount():
            return self._image.stat().st_blocks * 512, self._image.stat().st_size
        found = os.statvfs(self._mounted)
        return (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_blocks * found.f_frsize

    def copy_to(self, folder: Path) -> None:
        if not self._mounted.is_mount():
            _copy_sparse(self._image, folder / "disk.img")
            return
        kernel.freeze_filesystem(self._mounted)
        try:
            _copy_sparse(self._image, folder / "disk.img")
        finally:
            kernel.thaw_filesystem(self._mounted)


class FolderDisks:
    holds_quota = False

    def disk(self, name: str, folder: Path) -> "FolderDisk":  # noqa: ARG002  # the images need a name to mount at
        return FolderDisk(folder / "disk")

    def create(self, folder: Path, owner: int | None, megabytes: int, source: Path | None) -> None:
        if source is not None:
            _copy_tree(source / "disk", folder / "disk")
        (folder / "disk").mkdir(exist_ok=True)
        (folder / "disk").chmod(0o711)
        _own(folder / "disk" / "data", owner, everything=source is not None)
        (folder / "quota").write_text(str(megabytes << 20))


class FolderDisk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder / "data"

    def open(self) -> None:
        return

    def close(self) -> None:
        return

    def usage(self) -> tuple[int, int]:
        return _size(self._folder), int((self._folder.parent / "quota").read_text())

    def copy_to(self, folder: Path) -> None:
        _copy_tree(self._folder, folder / "disk")


def _own(root: Path, owner: int | None, *, everything: bool) -> None:
    """The folders that are bound into the box, its user's; their parents are not, so that a box cannot replace them."""
    root.mkdir(exist_ok=True)
    root.chmod(0o711)
    for name in WRITABLE:
        folder = root / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755 if name == "home" else 0o1777)
        if owner is not None:
            os.chown(folder, owner, owner)
            if everything:
                _chown_below(folder, owner)


def _chown_below(folder: Path, owner: int) -> None:
    for parent, folders, names in os.walk(folder):
        for name in folders + names:
            os.chown(os.path.join(parent, name), owner, owner, follow_symlinks=False)  # noqa: PTH118


def _copy_tree(source: Path, target: Path) -> None:
    """Folders, files and links; pipes and sockets mean nothing without the processes that held them."""

    def special(parent: str, names: list[str]) -> list[str]:
        modes = {name: os.lstat(os.path.join(parent, name)).st_mode for name in names}  # noqa: PTH118
        return [name for name, mode in modes.items() if stat.S_IFMT(mode) not in _COPIED]

    closed = dict(_opened_below(source))
    try:
        shutil.copytree(source, target, symlinks=True, ignore=special)
    finally:
        for path, mode in reversed(closed.items()):
            for root in (source, target):
                with suppress(FileNotFoundError):
                    (root / path).chmod(mode)


def _opened_below(folder: Path) -> Iterator[tuple[Path, int]]:
    """Let their owner, who need not be root, read all files and folders; the modes that those had that kept him out."""
    for parent, folders, names in os.walk(folder):
        for name in folders + names:
            path = Path(parent, name)
            mode = path.lstat().st_mode
            needed = {stat.S_IFDIR: 0o500, stat.S_IFREG: 0o400}.get(stat.S_IFMT(mode), 0)
            if mode & needed != needed:
                yield path.relative_to(folder), stat.S_IMODE(mode)
                path.chmod(stat.S_IMODE(mode) | needed)


def _size(folder: Path) -> int:
    total = 0
    for parent, folders, names in os.walk(folder):
        for name in folders + names:
            with suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118
    return total


def _copy_sparse(source: Path, target: Path) -> None:
    """Copy the data of a file and leave its holes holes."""
    target.touch(mode=0o600)  # a raw disk is for nobody but us
    with source.open("rb") as reading, target.open("wb") as writing:
        size = os.fstat(reading.fileno()).st_size
        at = 0
        while at < size:
            try:
                at = os.lseek(reading.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                break
            end = os.lseek(reading.fileno(), at, os.SEEK_HOLE)
            while at < end:
                moved = os.copy_file_range(
                    reading.fileno(), writing.fileno(), min(end - at, _COPY_BYTES), offset_src=at, offset_dst=at
                )
                if not moved:
                    break
                at += moved
        writing.truncate(size)
