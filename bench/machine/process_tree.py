"""A process and its descendants."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

PROC = Path("/proc")


def family(pid: int, proc: Path = PROC) -> list[int]:
    """Ids of the process `pid` and of its descendants; empty once it has ended.

    The kernel lists the children of a thread (proc(5), `task/TID/children`); psutil, which is used where it does not,
    reads every process of the machine, and that costs a busy case part of a core.
    """
    found: list[int] = []
    todo = [pid]
    while todo:
        member = todo.pop()
        with suppress(psutil.NoSuchProcess):
            todo += children(member, proc)
            found.append(member)
    return found


def children(pid: int, proc: Path = PROC) -> list[int]:
    """Ids of the processes whose parent is `pid`; raises `psutil.NoSuchProcess` once it has ended."""
    try:
        lists = [(task / "children").read_text() for task in (proc / str(pid) / "task").iterdir()]
    except FileNotFoundError:
        return [child.pid for child in psutil.Process(pid).children()]
    return [int(child) for text in lists for child in text.split()]
