"""Start a program that can do little harm; the kernel of a submission is one.

    python grading_sandbox.py '{"data": 4e9, ...}' python -m ipykernel_launcher …

Limits of the process come first (`setrlimit`), then two parts of Linux that take
rights away from a process and all that it starts, without root. Landlock (5.13,
signals: 6.12): it reads only the folders that are named, writes only into its
own, sees no memory of other processes and signals none outside. Seccomp (x86_64
and aarch64): it opens no connection, changes no limit or priority of another
process and leaves nothing in memory that outlives it. Where both are missing
(macOS, old Linux) only the limits hold.

Source: setrlimit(2), landlock(7), seccomp(2), capabilities(7). Standard library only.
"""

import ctypes
import json
import os
import resource
import struct
import sys
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 22, 24, 36, 38
_EXECUTE, _WRITE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_FILES_ONLY = _EXECUTE | _WRITE | _READ_FILE | _TRUNCATE | _IOCTL
_CONNECT_TCP = 1 << 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1 << 0, 1 << 1

_WORD, _FAST_OPEN = 0xFFFFFFFF, 0x20000000
#: Calls of the system that fail: number on x86_64, on aarch64, and the arguments
#: that are fine nevertheless as (position, mask, values); without them none is.
_REFUSED: dict[str, tuple[int, int, list[tuple[int, int, list[int]]]]] = {
    "connect": (42, 203, []),
    # Fine: TCP, and what lists the network's devices, as ZeroMQ does.
    "socket": (41, 198, [(0, _WORD, [2, 10, 16]), (1, 15, [1, 3]), (2, _WORD, [0, 6])]),
    "sendto": (44, 206, [(3, _FAST_OPEN, [0])]),
    "sendmsg": (46, 211, [(2, _FAST_OPEN, [0])]),
    "sendmmsg": (307, 269, [(3, _FAST_OPEN, [0])]),
    "prlimit64": (302, 261, [(0, _WORD, [0])]),
    "sched_setaffinity": (203, 122, [(0, _WORD, [0])]),
    "sched_setscheduler": (144, 119, [(1, _WORD, [0])]),  # ZeroMQ asks for the usual one
    "sched_setattr": (314, 274, []),
    "setpriority": (141, 140, []),
    "ioprio_set": (251, 30, []),
    # Fine: all but memory that is shared and has no name; the watch would not see it.
    "mmap": (9, 222, [(3, 0x23, [0x00, 0x01, 0x02, 0x03, 0x20, 0x22])]),
    "shmget": (29, 194, []),
    "msgget": (68, 186, []),
    "semget": (64, 190, []),
    "mq_open": (240, 180, []),
    "memfd_create": (319, 279, []),
    "memfd_secret": (447, 447, []),
    "add_key": (248, 217, []),
    "keyctl": (250, 219, []),
    "ptrace": (101, 117, []),
    "process_vm_readv": (310, 270, []),
    "process_vm_writev": (311, 271, []),
    "unshare": (272, 97, []),
    "setns": (308, 268, []),
    "bpf": (321, 280, []),
    "perf_event_open": (298, 241, []),
    "userfaultfd": (323, 282, []),
    "io_uring_setup": (425, 425, []),
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_version() -> int:
    """Return the version of Landlock that this system has; 0 for none."""
    if not sys.platform.startswith("linux"):
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(int(libc.syscall(_CREATE_RULESET, None, 0, 1)), 0)


def restrict(readable: Iterable[str], writable: Iterable[str], connects: bool = False) -> bool:
    """Leave this process the named folders only; tell whether that was possible.

    Parameters
    ----------
    readable, writable : iterable of str
        Folders or files to read and execute, and to change as well. What does
        not exist is left out.
    connects : bool, optional
        Whether it may open TCP connections.
    """
    version = landlock_version()
    if not version:
        return False
    bits = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    everything = (1 << bits) - 1
    attributes = _Ruleset(
        everything,
        _CONNECT_TCP if version >= 4 and not connects else 0,
        _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if version >= 6 else 0,
    )
    libc = ctypes.CDLL(None, use_errno=True)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset failed")
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    for paths, access in ((readable, reading), (writable, everything)):
        for path in paths:
            if not os.path.exists(path):
                continue
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = access if os.path.isdir(path) else access & _FILES_ONLY & everything
            rule = _PathBeneath(allowed, folder)
            if libc.syscall(_ADD_RULE, ruleset, 1, ctypes.byref(rule), 0):
                raise OSError(ctypes.get_errno(), "landlock_add_rule failed", path)
            os.close(folder)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(_RESTRICT_SELF, ruleset, 0):
        raise OSError(ctypes.get_errno(), "landlock_restrict_self failed")
    os.close(ruleset)
    return True


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_calls() -> bool:
    """Let the calls in `_REFUSED` fail with EINVAL; tell whether that was possible."""
    machine = os.uname().machine
    if not sys.platform.startswith("linux") or machine not in _MACHINES:
        return False
    load, equal, at_least, mask, end = 0x20, 0x15, 0x35, 0x54, 0x06
    column, architecture = _MACHINES[machine]
    refuse, allow = (end, 0, 0, 0x50016), (end, 0, 0, 0x7FFF0000)
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), refuse, (load, 0, 0, 0)]
    steps += [(at_least, 0, 1, 0x40000000), refuse]  # the numbers of x32
    for *numbers, conditions in _REFUSED.values():
        body: list[tuple[int, int, int, int]] = []
        for position, bits, values in conditions:
            body += [(load, 0, 0, 16 + 8 * position), (mask, 0, 0, bits)]
            body += [(equal, len(values) - n, 0, value) for n, value in enumerate(values)]
            body += [refuse]
        body += [allow] if conditions else [refuse]
        steps += [(equal, 0, len(body), numbers[column]), *body]
    code = b"".join(struct.pack("=HBBI", *step) for step in [*steps, allow])
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return not libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0)


def drop_privileges() -> None:
    """Take what only root may do away from the program; keep its orphans below it."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for capability in range(64):
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _limit(which: int, value: float) -> None:
    soft, hard = resource.getrlimit(which)
    del soft
    wanted = int(value)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(which, (wanted, wanted))


def main() -> None:
    """Take the settings from the command line and become the program."""
    settings = json.loads(sys.argv[1])
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_DATA, settings["data"])
    _limit(resource.RLIMIT_FSIZE, settings["file"])
    _limit(resource.RLIMIT_CPU, settings["cpu"])
    drop_privileges()
    restrict(settings["readable"], settings["writable"], settings["connects"])
    if not settings["connects"]:
        refuse_calls()
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
