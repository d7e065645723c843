"""What else runs on this machine: other processes that use the CPU, and time that the hypervisor takes."""

from __future__ import annotations

import time

import psutil

from anatomy.bench.errors.printable import printable

# Share of a core from which a process is named, and of all time from which stolen time is.
BUSY_PROCESS = 0.05
MOST_STEAL = 0.01


def watch_processes(seconds: float) -> tuple[dict[str, float], float | None]:
    """Watch for some seconds: share of a core of each busy process (by name and pid), and share of stolen time.

    This process and its children are no others.
    """
    here = psutil.Process()
    own = {here.pid, *(child.pid for child in here.children(recursive=True))}
    processes = {p.pid: p for p in psutil.process_iter() if p.pid not in own}
    for process in processes.values():
        _share(process)
    psutil.cpu_times_percent()
    time.sleep(seconds)
    steal = getattr(psutil.cpu_times_percent(), "steal", None)
    shares = {f"{_name(p)} ({pid})": _share(p) for pid, p in processes.items()}
    busy = {name: share for name, share in shares.items() if share > BUSY_PROCESS}
    return dict(sorted(busy.items(), key=lambda item: -item[1])), None if steal is None else steal / 100


def _share(process: psutil.Process) -> float:
    """Cores that a process used since the last call; 0 if it has ended."""
    try:
        return process.cpu_percent() / 100
    except psutil.Error:
        return 0.0


def _name(process: psutil.Process) -> str:
    try:
        return printable(process.name())
    except psutil.Error:
        return "ended"
