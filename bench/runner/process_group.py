"""The process group of a worker."""

from __future__ import annotations

import os
import signal
from contextlib import suppress


def kill_group(pid: int) -> None:
    """Kill the worker `pid` with everything that it started; nothing if it is gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        # The worker does not lead its own group yet, or it is gone.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
