"""The 20 Newsgroups that scikit-learn has downloaded before, as a tree of files; nothing is downloaded here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from platformdirs import user_cache_path

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
    place = user_cache_path("anatomy") / "corpora" / "newsgroups-sklearn"
    if place.exists():
        return place
    texts = _downloaded()
    place.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place and then renamed: a corpus that was cut short is none.
    with TemporaryDirectory(dir=place.parent) as folder:
        unfinished = Path(folder) / place.name
        for number, (text, label) in enumerate(zip(texts.data, texts.target, strict=True)):
            file = unfinished / texts.target_names[label] / str(10_000 + number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode(ENCODING, "replace"))
            advance(1)
        unfinished.rename(place)
    return place


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
