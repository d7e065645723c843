"""The texts that scikit-learn has downloaded become files; without them a sentence says what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from anatomy.bench.application import text_folder
from anatomy.bench.application.newsgroups_options import newsgroups_options
from anatomy.bench.application.sklearn_newsgroups import sklearn_corpus
from anatomy.bench.errors.anatomy_error import UsageError

TEXTS = ["From: a\n\nCaf\u00e9 one", "From: b\n\n\u20ac two", "From: c\n\nthree"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def install(monkeypatch: pytest.MonkeyPatch, fetch: Any) -> None:
    """A scikit-learn that answers so; its loader is called as the real one is."""
    package, datasets = ModuleType("sklearn"), ModuleType("sklearn.datasets")
    datasets.fetch_20newsgroups = fetch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sklearn", package)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", datasets)


def test_its_texts_are_files_by_class(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    def fetch(**options: Any) -> Any:
        calls.append(options)
        return SimpleNamespace(data=TEXTS, target=[1, 0, 1], target_names=["alt.atheism", "sci.space"])

    install(monkeypatch, fetch)
    written: list[int] = []
    folder = sklearn_corpus(written.append)
    found = text_folder.scan(folder)
    assert found.classes == ("alt.atheism", "sci.space")
    assert found.labels.tolist() == [0, 1, 1]
    # What Latin-1 has not is a question mark, as a reader of the files would see it.
    texts = text_folder.decode(text_folder.read(found.paths), found.paths, headers=False)
    assert [text.strip() for text in texts] == ["? two", "Café one", "three"]
    assert sum(written) == 3
    assert newsgroups_options(data="sklearn").folder == folder
    assert calls == [{"subset": "all", "shuffle": False, "download_if_missing": False}]


def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(**options: Any) -> Any:
        raise OSError("20Newsgroups dataset not found")

    install(monkeypatch, fetch)
    with pytest.raises(UsageError, match=r"has not downloaded 20 Newsgroups .*dataset not found.*give --data DIR"):
        sklearn_corpus()
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UsageError, match="needs scikit-learn"):
        sklearn_corpus()
