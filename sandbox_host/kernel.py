"""The few system calls that Python lacks: mounts in a namespace of our own, loop devices, freezing a filesystem."""

import ctypes
import errno
import fcntl
import os
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOATIME = 1, 2, 4, 1024
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
_LOOP_CONFIGURE, _LOOP_CTL_GET_FREE = 0x4C0A, 0x4C82
_LO_FLAGS_AUTOCLEAR = 4
_LOOP_CONFIG_BYTES, _LOOP_FLAGS_AT = 304, 60
_FIFREEZE, _FITHAW = 0xC0045877, 0xC0045878
_LOOP_TRIES = 16


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str | None, flags: int, options: str = "") -> None:
    done = _LIBC.mount(
        source.encode(), os.fsencode(target), kind.encode() if kind else None, ctypes.c_ulong(flags), options.encode()
    )
    _check(done, f"mount {target}")


def unmount(target: Path) -> None:
    _check(_LIBC.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def leave_mount_namespace() -> None:
    """From here on our mounts are ours alone: they vanish with this process, however it ends."""
    _check(_LIBC.unshare(CLONE_NEWNS), "unshare")
    mount("none", Path("/"), None, MS_REC | MS_PRIVATE)


def bind(source: Path, target: Path) -> None:
    """Show a folder or file at another path, read-only."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.touch()
    mount(str(source), target, None, MS_BIND | MS_REC)
    mount("none", target, None, MS_BIND | 32 | MS_RDONLY | MS_NOSUID | MS_NODEV)  # 32: MS_REMOUNT


def mount_image(image: Path, target: Path) -> None:
    """Mount an ext4 image through a loop device that frees itself with the mount.

    Raises:
        OSError: there is no loop device to be had, or the image is no filesystem.
    """
    file = os.open(image, os.O_RDWR | os.O_CLOEXEC)
    try:
        device, name = _loop(file)
    finally:
        os.close(file)
    try:
        mount(name, target, "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME, "discard")
    finally:
        os.close(device)


def _loop(file: int) -> tuple[int, str]:
    config = bytearray(_LOOP_CONFIG_BYTES)
    config[0:4] = file.to_bytes(4, "little")
    config[_LOOP_FLAGS_AT : _LOOP_FLAGS_AT + 4] = _LO_FLAGS_AUTOCLEAR.to_bytes(4, "little")
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(_LOOP_TRIES):  # another process may take the free one before us
            name = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
            device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, bytes(config))
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:
                    raise
            else:
                return device, name
    finally:
        os.close(control)
    raise OSError(errno.EBUSY, "no free loop device")


def freeze_filesystem(folder: Path) -> None:
    _filesystem(folder, _FIFREEZE)


def thaw_filesystem(folder: Path) -> None:
    _filesystem(folder, _FITHAW)


def _filesystem(folder: Path, request: int) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, request, 0)
    finally:
        os.close(fd)
