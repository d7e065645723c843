"""Work beside this process, on another core: a forked process makes items, and sends them as they come."""

from __future__ import annotations

import fcntl
import multiprocessing
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

from anatomy.bench.errors.anatomy_error import AnatomyError

Item = TypeVar("Item")

# The most that Linux lets an unprivileged process have: the other process need not wait for this one to read.
_PIPE_BYTES = 1 << 20


@contextmanager
def in_second_process(make: Callable[[], Iterable[Item]]) -> Iterator[Iterator[Item]]:
    """What `make` gives in a forked process, one by one; the process ends with the block.

    What it raises is raised here, where its next item would have been. The caller has no threads of Python.

    Raises:
        AnatomyError: the process was killed, as by the kernel when memory is short.
    """
    receiver, sender = multiprocessing.Pipe(duplex=False)
    fcntl.fcntl(sender.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(make, receiver, sender), daemon=True)
    with warnings.catch_warnings():
        # From Python 3.12 on, of threads such as those of OpenBLAS, which a fork leaves behind in good order.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        process.start()
    sender.close()
    try:
        yield _received(receiver)
    finally:
        receiver.close()
        process.kill()
        process.join()


def _send(make: Callable[[], Iterable[Item]], receiver: Connection, sender: Connection) -> None:
    """In the forked process: it ends when nobody reads any more, and leaves Ctrl-C to the other."""
    receiver.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            for item in make():
                sender.send((item, None))
            sender.send((None, StopIteration()))
        except Exception as error:  # noqa: BLE001  # raised again in the other process
            sender.send((None, error))
    except BrokenPipeError:
        pass


def _received(receiver: Connection) -> Iterator[Item]:
    while True:
        try:
            item, error = receiver.recv()
        except EOFError as ended:
            raise AnatomyError("a process that read a part of the records was killed, maybe for its memory") from ended
        if isinstance(error, StopIteration):
            return
        if error is not None:
            raise error
        yield item
