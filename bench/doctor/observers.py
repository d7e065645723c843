"""Everything of Anatomy that runs beside a measured case, at the pace at which it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from anatomy.bench.gpu import GpuSampler
from anatomy.bench.record import Record
from anatomy.bench.store import RunWriter
from anatomy.bench.supervise import WATCH_INTERVAL_S, PhaseListener, resident_bytes


@contextmanager
def observers(
    pid: int, sampler: GpuSampler, on_phase: PhaseListener, writer: RunWriter, record: Record
) -> Iterator[None]:
    """Sample GPUs, show progress, watch the memory of process `pid`, and write one record, while the context lasts.

    A record is written in the window here, though a run writes it after: the cost is an upper bound.
    """
    stop = threading.Event()

    def watch() -> None:
        writer.append(record)
        while not stop.wait(WATCH_INTERVAL_S):
            resident_bytes(pid)

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
