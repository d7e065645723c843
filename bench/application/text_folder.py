"""Texts in a folder of folders, one for each class: the layout of 20 Newsgroups.

Files are named by digits, encoded in Latin-1, and begin with a header that ends with the first blank line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anatomy.bench.errors.anatomy_error import UsageError

LAYOUT = "expected one folder for each class, with files that are named by digits, as 20 Newsgroups has them"
ENCODING = "latin-1"
BLANK_LINE = "\n\n"
# Bytes that are asked for at a time: all of nearly every text.
PIECE = 1 << 16


@dataclass(frozen=True)
class TextFolder:
    """The files that were found; nothing is read yet.

    Attributes:
        classes: names of the folders, sorted. The place of a class is its label.
        paths: files by class, then by name.
        labels: (files,), int32.
    """

    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: np.ndarray[Any, np.dtype[np.int32]]


def scan(root: Path) -> TextFolder:
    """Find the classes and their files.

    Raises:
        UsageError: no such folder, no or one class, or a class without files.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; {LAYOUT}")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {folder.name: _numbered(folder) for folder in folders}
    if empty := [name for name, paths in found.items() if not paths]:
        raise UsageError(f"{root}: no file that is named by digits in {', '.join(empty[:5])}; {LAYOUT}")
    if len(found) < 2:
        only = f"one class, {next(iter(found))}" if found else "no folders"
        raise UsageError(f"{root}: {only}, and there is nothing to tell apart; {LAYOUT}")
    labels = np.repeat(np.arange(len(found), dtype=np.int32), [len(paths) for paths in found.values()])
    return TextFolder(tuple(found), tuple(path for paths in found.values() for path in paths), labels)


def _numbered(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.isdigit() and entry.is_file())
    return [os.path.join(folder, name) for name in names]  # noqa: PTH118  # 20,000 Path objects take a third of the scan


def read(paths: Sequence[str], advance: Callable[[int], None] = lambda count: None) -> list[bytes]:
    """The contents of files.

    Args:
        advance: called with the number of files read, for a progress bar.

    Raises:
        UsageError: a file cannot be read.
    """
    contents = []
    for path in paths:
        try:
            contents.append(_content(path))
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
        advance(1)
    return contents


def _content(path: str) -> bytes:
    """By the system's calls alone: a file object takes as long again for a file of a page."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        parts = [os.read(descriptor, PIECE)]
        while len(parts[-1]) == PIECE:
            parts.append(os.read(descriptor, PIECE))
    finally:
        os.close(descriptor)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decode(contents: Sequence[bytes], paths: Sequence[str], *, headers: bool = False) -> list[str]:
    """The texts, with line ends as Python's text files have them, and without their headers unless they are wanted.

    Raises:
        UsageError: a file is not text: it has a byte that is 0.
    """
    texts = []
    for content, path in zip(contents, paths, strict=True):
        if b"\0" in content:
            raise UsageError(f"{path}: not a text, since byte {content.index(0)} of it is 0; take it out of the folder")
        text = content.decode(ENCODING)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        texts.append(text if headers else without_header(text))
    return texts


def without_header(text: str) -> str:
    """From the first blank line on; the whole text where there is none or it begins with one."""
    end = text.find(BLANK_LINE)
    return text[end:] if end > 0 else text
