"""The lock of a folder that one process writes to: held until it closes or ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import printable

LOCK_FILE = ".writer"
_LONGEST_BYTES = 400


class FolderLock:
    """An exclusive lock on `.writer` in a folder (flock(2)); the file says who holds it, and goes with the lock.

    The kernel frees the lock of a process that was killed: what its file says then is no obstacle to the next.

    Raises:
        UsageError: another writer holds it; the message says which process, on which machine, since when.
        OSError: the file could not be made.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK_FILE
        descriptor = _locked(path)
        self._release = weakref.finalize(self, _release, path, descriptor)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {printable(socket.gethostname())}, since {now}".encode(), 0)

    def close(self) -> None:
        """Free the lock."""
        self._release()


def _locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, _LONGEST_BYTES, 0).decode("utf-8", "replace")
            os.close(descriptor)
            raise UsageError(
                f"{path.parent} is being written by {printable(holder) or 'another process'};"
                " wait until it has ended, or give another --out"
            ) from error
        except OSError:
            os.close(descriptor)
            raise
        # The last holder may have removed the file between its opening and its locking here.
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _release(path: Path, descriptor: int) -> None:
    # A folder that was removed, or made read-only, meanwhile must not keep the lock.
    with suppress(OSError):
        path.unlink(missing_ok=True)
    os.close(descriptor)
