"""Everything of Anatomy that runs beside a measured case, at the pace at which it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from anatomy.bench.follow import WATCH_INTERVAL_S
from anatomy.bench.supervise import PhaseListener
from anatomy.bench.telemetry.sampler import Sampler
from anatomy.bench.watch import HostWatch


class Observers:
    """Called with a process's id, a context in which that process is observed; it may be entered many times.

    The redraw of the progress display and the first reading of the memory fall into the window here, though a run
    has them before it: the cost is an upper bound.
    """

    def __init__(self, sampler: Sampler, on_phase: PhaseListener) -> None:
        self._sampler = sampler
        self._on_phase = on_phase
        # Kept from one window to the next, so that child processes are searched for as seldom as in a run.
        self._watches: dict[int, HostWatch] = {}

    @contextmanager
    def __call__(self, pid: int) -> Iterator[None]:
        """Sample GPUs and CPU energy, show progress and watch the memory of `pid`, while the context lasts."""
        memory = self._watches.setdefault(pid, HostWatch(pid))
        stop = threading.Event()

        def watch() -> None:
            memory.read()
            while not stop.wait(WATCH_INTERVAL_S):
                memory.read()

        self._on_phase("measure")
        self._sampler.start(pid)
        watcher = threading.Thread(target=watch, name="anatomy-watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()
            self._sampler.stop()
