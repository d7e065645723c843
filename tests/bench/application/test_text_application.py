"""The text application from a folder to a classifier, on the backend of this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anatomy.bench.application import newsgroups
from anatomy.bench.application.stages import Stage, stage_frame
from anatomy.bench.application.synthetic_newsgroups import CLASSES, write_corpus, write_vectors
from anatomy.bench.errors.anatomy_error import UsageError

pytestmark = pytest.mark.backends

DATA = ["scan", "read", "decode", "tokenise", "pad"]
TRAINING = ["build", "compile", "input", "epoch 1", "evaluate 1", "epoch 2", "evaluate 2", "predict"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("application")
    write_corpus(folder / "corpus", 200)
    write_vectors(folder / "vectors.txt", 8)
    return folder / "corpus", folder / "vectors.txt"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def train(files: tuple[Path, Path], **options: Any) -> Any:
    return newsgroups(files[0], **{"words": 3000, "batch_size": 32, **options})


def test_the_text_cnn_stage_by_stage(files: tuple[Path, Path]) -> None:
    found = train(files, length=160)
    frame = found.stage_frame()
    assert list(frame.index) == [*DATA, *TRAINING]
    assert frame["share"].sum() == pytest.approx(1)
    assert (frame["seconds"] > 0).all()
    sizes = {stage.name: (stage.examples, stage.size_bytes) for stage in found.stages}
    assert sizes["read"] == (200, sum(path.stat().st_size for path in files[0].rglob("*") if path.is_file()))
    assert (sizes["epoch 1"][0], sizes["predict"][0]) == (160, 40)
    assert np.isfinite(found.epoch_frame().to_numpy()).all()
    assert list(found.epoch_frame().index) == [1, 2]
    assert found.model.get_layer("embedding").trainable
    assert set(found.classify(["bababe dido", "any words"])) <= set(CLASSES)
    with pytest.raises(UsageError, match="only the RCNN has keywords"):
        found.keywords("words")


def test_the_rcnn_with_vectors_and_its_keywords(files: tuple[Path, Path]) -> None:
    found = train(files, model="rcnn", vectors=files[1], length=20)
    assert [stage.name for stage in found.stages] == [*DATA, "load vectors", "embed", *TRAINING]
    assert found.known is not None
    # All made-up words have a vector.
    assert found.known == len(found.vocabulary.words) == 2999
    assert not found.model.get_layer("embedding").trainable
    words = found.vocabulary.words.to_pylist()[100:120]
    keywords = found.keywords(" ".join(words))
    assert 1 <= len(keywords) <= 5
    assert set(keywords) <= set(words)


def test_equal_seeds_give_equal_classifiers(files: tuple[Path, Path]) -> None:
    runs = [train(files, length=150, epochs=1, seed=seed) for seed in (3, 3, 4)]
    losses = [run.epochs[0].validation_loss for run in runs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] != pytest.approx(losses[2], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "rnn"}, "unknown model of the text application 'rnn'"),
        ({"validation": 1.0}, "expected a share between 0 and 1 that leaves some of 200 texts on each side"),
        ({"length": 100}, "a text of 100 words is too short for its poolings; the shortest is 149"),
        ({"vectors": "none.txt"}, "none.txt: no such file; expected word vectors as text"),
    ],
)
def test_mistakes_are_named(files: tuple[Path, Path], options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        train(files, **options)


def test_a_stage_without_examples_has_no_rate() -> None:
    frame = stage_frame([Stage("scan", seconds=1.0), Stage("read", 10, 2_000_000, 3.0, 5_000_000)])
    assert np.isnan(frame.loc["scan", ["examples_per_s", "mb_per_s"]]).all()
    assert frame.loc["read"].to_dict() == {
        "seconds": 3.0,
        "share": 0.75,
        "examples_per_s": pytest.approx(10 / 3),
        "mb_per_s": pytest.approx(2 / 3),
        "peak_mb": 5.0,
    }
