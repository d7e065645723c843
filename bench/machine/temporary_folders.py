"""Temporary folders that are removed at the end, or by the next command where their process was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "anatomy-"
# Locked as long as the process lives that made the folder (flock(2)): a number could be another process's by now.
_OWNER = ".owner"


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Make a folder `anatomy-PURPOSE-…` for temporary files, and remove it with all that is in it at the end."""
    made = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-")).resolve()
    owner = _own(made)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(owner)


def remove_abandoned(folders: Iterable[Path] = ()) -> list[Path]:
    """Remove the temporary folders of processes that were killed; returns those.

    Args:
        folders: further ones than those in the folder for temporary files.
    """
    found = [*Path(tempfile.gettempdir()).glob(f"{PREFIX}*"), *folders]
    return [folder for folder in dict.fromkeys(found) if _remove(folder)]


def _own(folder: Path) -> int:
    # Locked before it has its name: no other process sees it without its owner.
    unnamed = folder / f"{_OWNER}.new"
    owner = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(owner, fcntl.LOCK_EX)
    unnamed.rename(folder / _OWNER)
    return owner


def _remove(folder: Path) -> bool:
    """Remove a folder whose owner has ended; another user's, and one that no such owner has, stays."""
    with suppress(OSError):
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        owner = os.open(folder / _OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(owner)
        return not folder.exists()
    return False
