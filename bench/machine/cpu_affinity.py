"""The CPUs that processes may run on: a list is checked against them, and given to the programs that are started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.cpu_list import cpus_text, parse_cpus


def usable_cpus(text: str) -> str:
    """The list of CPUs in its shortest form: `0,1,2` → `0-2`.

    Raises:
        UsageError: it is no list, or names a CPU that this process may not use.
    """
    wanted, allowed = parse_cpus(text), os.sched_getaffinity(0)
    if missing := wanted - allowed:
        raise UsageError(f"--cpus {text}: no CPU {cpus_text(missing)} here; this process may use {cpus_text(allowed)}")
    return cpus_text(wanted)


@contextmanager
def started_on(cpus: str | None) -> Iterator[None]:
    """Programs that this thread starts inside run on these CPUs from their first instruction on; `None`: on any.

    A process inherits the CPUs of the thread that starts it. Thread pools are sized when frameworks are imported, so
    that it would be too late afterwards.

    Raises:
        UsageError: a CPU that this process may not use.
    """
    if cpus is None:
        yield
        return
    chosen = parse_cpus(usable_cpus(cpus))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
