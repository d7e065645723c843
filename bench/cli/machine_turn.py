"""The turn of a measuring command on this machine, as its options have it."""

from __future__ import annotations

import shlex
import sys
from contextlib import AbstractContextManager


def turn(share: bool, no_wait: bool, wait: str | None) -> AbstractContextManager[None]:
    """Inside, this command measures: alone among the user's, unless `--share`.

    Raises:
        UsageError: the options contradict each other; on entering, another command measures and this one may not wait.
    """
    from anatomy.bench.runner.measuring_lock import measuring, when_busy

    return measuring(shlex.join(["anatomy", *sys.argv[1:]]), when_busy(share=share, wait=not no_wait, longest=wait))


def chosen_cpus(text: str | None) -> str | None:
    """The CPUs of `--cpus`, checked before anything is set up; `None` for all.

    Raises:
        UsageError: no list, or a CPU that this process may not use.
    """
    if text is None:
        return None
    from anatomy.bench.machine.cpu_affinity import usable_cpus

    return usable_cpus(text)
