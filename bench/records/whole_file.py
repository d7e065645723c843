"""Files that are there whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import secrets
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write a file, text as UTF-8, and return its path; a failed write leaves what was there before.

    A link stays, and leads to the new content; what is no file, such as `/dev/stdout`, is written to as it is.

    Raises:
        OSError: it could not be written; `filename` is `path`.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    return path


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{secrets.token_hex(8)}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def ignore_in_git(folder: Path) -> None:
    """Make git ignore a folder of output from within, as pytest does with its cache; an own `.gitignore` stays."""
    path = folder / ".gitignore"
    if not path.exists():
        write_whole(path, "# Made by Anatomy: git ignores what is in this folder.\n*\n")


def make_output_folder(folder: Path, default: Path) -> None:
    """Make a folder of output with a `.gitignore` that hides it from git.

    A folder that is there already is the user's, and is left as it is; only `default` is known to be Anatomy's.

    Raises:
        OSError: it could not be made.
    """
    if default in folder.parents:
        default.mkdir(parents=True, exist_ok=True)
        ignore_in_git(default)
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if new and default not in folder.parents:
        ignore_in_git(folder)
