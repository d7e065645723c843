"""Every feed hands out the same batches, with workers and without."""

from __future__ import annotations

import pickle
from typing import Any

import keras
import numpy as np
import pytest

from anatomy.bench.input_pipeline.examples import Examples
from anatomy.bench.input_pipeline.feeds import Fed, batches_alone
from anatomy.bench.input_pipeline.source import InputForm
from anatomy.bench.records.case import Feed

SOURCE = "tests/data/slow_source.py:with_targets"
FORM = InputForm((8, 8, 3), "float32", None)
# All that have workers for this source.
FEEDS: list[Feed] = ["tf.data", "pydataset", "dataloader", "grain"]
X, Y = np.arange(24.0, dtype="float32").reshape(4, 6), np.arange(4, dtype="int32")


def _as_arrays(batch: Any) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(leaf) for leaf in keras.tree.flatten(batch)]


def _same(batches: list[Any], steps: int, data: tuple[Any, ...], size: int) -> None:
    assert len(batches) == steps
    for number, batch in enumerate(batches):
        for leaf, whole in zip(_as_arrays(batch), data, strict=True):
            np.testing.assert_array_equal(leaf, whole[number * size : (number + 1) * size])


@pytest.mark.parametrize("feed", FEEDS)
def test_a_batch_in_memory_is_handed_out_over_and_over(feed: Feed) -> None:
    (given,), arguments = Fed(feed).epoch((X, Y), 3, 4)
    assert arguments == {}
    _same(list(batches_alone(given, 3)), 3, (np.concatenate([X] * 3), np.concatenate([Y] * 3)), 4)


@pytest.mark.long
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("feed", FEEDS)
def test_examples_of_a_source_come_in_order(feed: Feed, workers: int) -> None:
    examples = Examples(SOURCE, FORM, np.zeros(4, "int32"), 4)
    arrays, _ = Fed(examples=examples).epoch((X, Y), 20, 4)
    assert [part.shape for part in arrays] == [(80, 8, 8, 3), (80,)]
    # Behind the last of the 64 items comes the first again.
    assert arrays[1].tolist() == [number % 64 % 10 for number in range(80)]
    (given,), _ = Fed(feed, workers, examples).epoch((X, Y), 20, 4)
    _same(list(batches_alone(given, 20)), 20, arrays, 4)


def test_predict_gets_inputs_alone() -> None:
    examples = Examples(SOURCE, FORM, None, 4)
    (given,), _ = Fed("grain", 0, examples).epoch((X,), 2, 4)
    assert [[leaf.shape for leaf in _as_arrays(batch)] for batch in batches_alone(given, 2)] == [[(4, 8, 8, 3)]] * 2


def test_a_source_without_targets_gets_those_of_the_batch_in_turn() -> None:
    examples = Examples("tests/data/slow_source.py:slow", FORM, {"a": np.arange(3)}, 3)
    assert [examples[number][1]["a"] for number in (0, 1, 2, 3, 70)] == [0, 1, 2, 0, 1]


def test_examples_are_opened_anew_in_another_process() -> None:
    examples = Examples(SOURCE, FORM, np.arange(4), 4)
    assert examples.source.steps
    there = pickle.loads(pickle.dumps(examples))  # of this line
    assert "source" not in vars(there)
    np.testing.assert_array_equal(there[5][0], examples[5][0])


def test_what_is_no_source_is_said() -> None:
    with pytest.raises(ValueError, match=r"nothing returned list; expected items and their steps, \(items, \{name:"):
        assert Examples("tests/data/slow_source.py:nothing", FORM, None, 4).source
    with pytest.raises(ValueError, match=r"unknown function in .* 'slaw'.*did you mean 'slow'"):
        assert Examples("tests/data/slow_source.py:slaw", FORM, None, 4).source
