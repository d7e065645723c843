"""SIGTERM and SIGHUP, which a cancelled job of CI and a closed terminal send, end a command as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def stop_on_signals() -> None:
    """From here on raise `KeyboardInterrupt` on the first SIGTERM or SIGHUP: what was begun is cleaned up.

    A further one is ignored, since it would interrupt the cleaning. A signal that has a handler, or that is ignored
    (`nohup`), is left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not stopping.is_set():
            stopping.set()
            raise KeyboardInterrupt(signal.Signals(number).name)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            # Programs that are started meanwhile have the default: a handler is not inherited.
            signal.signal(number, stop)
