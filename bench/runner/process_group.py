"""The processes of a worker: its group, what leaves the group, and what becomes of them when a parent dies."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from anatomy.bench.errors.printable import printable
from anatomy.bench.machine.process_tree import children

# prctl(2).
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
# Helpers that end by themselves once their parent has, such as those of multiprocessing, need milliseconds.
_OWN_END_S = 0.1
# A process in a call to a driver that does not return cannot be killed: it is not waited for.
_KILL_TIMEOUT_S = 5.0
_POLL_S = 0.005


def kill_group(pid: int) -> None:
    """Kill the worker `pid` with everything that it started; nothing if it is gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        # The worker does not lead its own group yet, or it is gone.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def adopt_orphans() -> None:
    """Make this process the parent of all descendants whose own has ended, sessions of their own included."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when the thread that forked it ends; at once, if `parent` has ended already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def end_leftovers(own: Collection[int]) -> list[str]:
    """Kill what a worker that has ended left to this process, which has adopted it.

    Args:
        own: children of this process that stay: those that it had before, and the worker, which is not waited for here.

    Returns:
        Name and number of each process that had to be killed: `sleep (123)`.
    """
    begin, killed = time.monotonic(), dict[int, str]()
    while left := _alive(own):
        since = time.monotonic() - begin
        if since > _KILL_TIMEOUT_S:
            break
        if since > _OWN_END_S:
            for pid in left:
                killed.setdefault(pid, f"{_name(pid)} ({pid})")
                # Its own children come here next.
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_S)
    return list(killed.values())


def _alive(own: Collection[int]) -> list[int]:
    """Further children of this process that have not ended; those that have are forgotten."""
    alive = []
    for pid in children(os.getpid()):
        if pid in own:
            continue
        with suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                alive.append(pid)
    return alive


def _name(pid: int) -> str:
    try:
        return printable(Path(f"/proc/{pid}/comm").read_text(errors="backslashreplace").strip())
    except OSError:
        return "a process"


def _prctl(option: int, value: int) -> None:
    """Call prctl(2); a kernel that refuses it leaves the process as it was."""
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
