"""The system calls that no box may make, as a BPF program for bubblewrap.

A list of what is forbidden rather than of what is allowed: agents run compilers, debuggers and databases. It takes away what
reaches the kernel's rarely walked parts or things that are not namespaced. Calls that a libc falls back from say ENOSYS.
"""

import errno
import tempfile
from contextlib import suppress
from typing import Any

from sandbox_host.errors import CannotIsolate

# Namespaces, mounts and roots; keys; tracing of the kernel; loading code into it; clocks, swap, accounting; handles that pass walls.
_FORBIDDEN: tuple[str | int, ...] = (
    "unshare",
    "setns",
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "open_tree_attr",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "add_key",
    "request_key",
    "keyctl",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "lookup_dcookie",
    "kcmp",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "query_module",
    "get_kernel_syms",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "syslog",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "stime",
    "iopl",
    "ioperm",
    "vhangup",
    "nfsservctl",
    "_sysctl",
    "uselib",
    "ustat",
    "sysfs",
    "vm86",
    "vm86old",
    "modify_ldt",
    "open_by_handle_at",
    "name_to_handle_at",
    "fanotify_init",
    "mbind",
    "migrate_pages",
    "move_pages",
    "set_mempolicy",
    "set_mempolicy_home_node",
    "process_madvise",
    "pidfd_getfd",
    "memfd_secret",
    457,  # statmount
    458,  # listmount
    467,  # open_tree_attr: numbers that are the same everywhere, of calls too new for some libseccomp
)
_ABSENT = (
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "clone3",
)  # clone3's flags lie beyond a filter's sight
_NAMESPACES = (0x00000080, 0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
_SOCKET_FAMILIES = frozenset({0, 1, 2, 10, 16})  # unspecified, unix, IPv4, IPv6, netlink (interface lists)
_NETLINK_ROUTE = 0
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: keystrokes put into somebody's terminal
_LOW_32 = 0xFFFFFFFF


def program() -> bytes:
    """The filter.

    Raises:
        CannotIsolate: libseccomp is not installed.
    """
    try:
        import pyseccomp  # noqa: PLC0415  # it raises where its C library is missing
    except (ImportError, RuntimeError) as error:
        raise CannotIsolate(f"seccomp: {error}; install libseccomp2 and pyseccomp") from None
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    denied = pyseccomp.ERRNO(errno.EPERM)
    absent = pyseccomp.ERRNO(errno.ENOSYS)
    for name in _FORBIDDEN:
        _add(rules, denied, name)
    for name in _ABSENT:
        _add(rules, absent, name)
    masked = pyseccomp.MASKED_EQ
    for flag in _NAMESPACES:
        rules.add_rule(denied, "clone", pyseccomp.Arg(0, masked, flag, flag))
    for request in _TERMINAL_INPUT:
        rules.add_rule(denied, "ioctl", pyseccomp.Arg(1, masked, _LOW_32, request))
    family_absent = pyseccomp.ERRNO(errno.EAFNOSUPPORT)
    highest = max(_SOCKET_FAMILIES)
    for call in ("socket", "socketpair"):
        rules.add_rule(family_absent, call, pyseccomp.Arg(0, pyseccomp.GT, highest))
        for family in set(range(highest)) - _SOCKET_FAMILIES:
            rules.add_rule(family_absent, call, pyseccomp.Arg(0, pyseccomp.EQ, family))
    rules.add_rule(
        family_absent, "socket", pyseccomp.Arg(0, pyseccomp.EQ, highest), pyseccomp.Arg(2, pyseccomp.GT, _NETLINK_ROUTE)
    )
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(rules: Any, action: int, call: str | int) -> None:
    with suppress(OSError):  # this architecture has no such call
        rules.add_rule(action, call)
