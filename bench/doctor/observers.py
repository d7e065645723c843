"""Everything of Anatomy that runs beside a measured case, at the pace at which it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from anatomy.bench.gpu import GpuSampler
from anatomy.bench.supervise import WATCH_INTERVAL_S, PhaseListener
from anatomy.bench.watch import MemoryWatch


@contextmanager
def observers(pid: int, sampler: GpuSampler, on_phase: PhaseListener) -> Iterator[None]:
    """Sample GPUs, show progress and watch the memory of process `pid`, while the context lasts.

    The last redraw and the search for child processes fall into the window here, though a run has them before
    it, or once a second: the cost is an upper bound.
    """
    stop = threading.Event()

    def watch() -> None:
        memory = MemoryWatch(pid)
        memory.read()
        while not stop.wait(WATCH_INTERVAL_S):
            memory.read()

    on_phase("measure")
    sampler.start()
    watcher = threading.Thread(target=watch, name="anatomy-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        sampler.stop()
