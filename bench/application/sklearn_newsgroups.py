"""The 20 Newsgroups that scikit-learn has downloaded before, as a tree of files; nothing is downloaded here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from anatomy.bench.application.cached_corpus import written_once
from anatomy.bench.application.text_folder import ENCODING
from anatomy.bench.errors.anatomy_error import UsageError

# Stands for the folder of the texts.
SKLEARN = "sklearn"


def sklearn_corpus(advance: Callable[[int], None] = lambda count: None) -> Path:
    """The folder of the texts in the user's cache, written where it is not there.

    Args:
        advance: called with the number of texts written, for a progress bar.

    Raises:
        UsageError: scikit-learn is not installed, or has not downloaded them.
    """

    def write(folder: Path) -> None:
        texts = _downloaded()
        for number, (text, label) in enumerate(zip(texts.data, texts.target, strict=True)):
            file = folder / texts.target_names[label] / str(10_000 + number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode(ENCODING, "replace"))
            advance(1)

    return written_once("newsgroups-sklearn", write)


def _downloaded() -> Any:
    try:
        from sklearn.datasets import fetch_20newsgroups
    except ImportError as error:
        raise UsageError("--corpus sklearn needs scikit-learn; or give --data DIR with your copy") from error
    try:
        return fetch_20newsgroups(subset="all", shuffle=False, download_if_missing=False)
    except OSError as error:
        raise UsageError(
            f"scikit-learn has not downloaded 20 Newsgroups ({error}): call"
            " sklearn.datasets.fetch_20newsgroups(subset='all') once, or give --data DIR with your copy"
        ) from error
