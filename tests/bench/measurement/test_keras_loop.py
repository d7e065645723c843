"""Keras's own loop: epochs sized to the window, on a model that counts, and on every backend."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.backends.step import Batch
from anatomy.bench.input_pipeline.feeds import Fed
from anatomy.bench.measurement.keras_loop import EPOCHS, FEWEST_STEPS, MOST_STEPS, time_loop
from anatomy.bench.records.case import Mode
from tests.bench.conftest import Measure, cases_of
from tests.marks import extended_but

BATCH = Batch(np.ones((4, 3), np.float32), np.ones((4, 1), np.float32))


class Slow:
    """A model whose calls cost a constant and so much a step, on a clock of its own."""

    def __init__(self, call_s: float, step_s: float, steps_per_execution: int = 1) -> None:
        self.steps_per_execution = steps_per_execution
        self.now_s = 0.0
        self.call_s = call_s
        self.step_s = step_s
        self.epochs: list[int] = []

    def clock(self) -> float:
        return self.now_s

    def fit(self, x: Any, y: Any, *, batch_size: int, epochs: int, verbose: int, shuffle: bool) -> Any:
        assert (len(x), epochs) == (len(y), 1)
        self._pass(len(x), batch_size)
        return SimpleNamespace(history={"loss": [1 / len(self.epochs)]})

    def predict(self, x: Any, *, batch_size: int, verbose: int) -> Any:
        self._pass(len(x), batch_size)
        return np.full((len(x), 1), len(self.epochs))

    def _pass(self, examples: int, batch_size: int) -> None:
        steps = examples // batch_size
        self.epochs.append(steps)
        self.now_s += self.call_s + steps * self.step_s


@pytest.mark.parametrize("mode", ["fit", "predict"])
@pytest.mark.parametrize(("call_s", "step_s"), [(0.0, 0.01), (0.05, 0.001), (0.0, 0.5)])
def test_epochs_fill_the_window_whatever_a_call_costs(mode: Mode, call_s: float, step_s: float) -> None:
    model = Slow(call_s, step_s)
    timings = time_loop(model, BATCH, mode, 2.0, clock=model.clock)
    assert len(timings.blocks) == EPOCHS
    (size,) = {block.steps for block in timings.blocks}
    assert timings.blocks[0].seconds == pytest.approx(call_s + size * step_s)
    # Within a factor of 1.5, unless the smallest epoch is already longer.
    assert 2.0 / 1.6 <= sum(block.seconds for block in timings.blocks) <= max(2.1, EPOCHS * 4 * step_s * 1.01)
    assert timings.compile_s == pytest.approx(call_s + step_s)
    assert timings.warmup_steps + EPOCHS * size == sum(model.epochs)
    assert [steps for steps, _ in timings.fits] == (model.epochs if mode == "fit" else [])
    if mode == "predict":
        # Of the first call with several batches, which is the second, and of the last call.
        assert [part.tolist() for part in timings.sampled] == [[[2.0]] * 4]
        assert timings.outputs[0][0, 0] == len(model.epochs)


@pytest.mark.parametrize(("asked", "taken"), [(7, 7), (3 * MOST_STEPS, MOST_STEPS)])
def test_steps_that_are_asked_for_are_taken_up_to_the_most(asked: int, taken: int) -> None:
    model = Slow(0.0, 1e-4)
    timings = time_loop(model, BATCH, "fit", 2.0, asked, clock=model.clock)
    assert {block.steps for block in timings.blocks} == {taken}


@settings(deadline=None)
@given(st.integers(1, 200), st.floats(1e-5, 0.1), st.one_of(st.none(), st.integers(1, 500)))
def test_epochs_are_whole_executions(together: int, step_s: float, steps: int | None) -> None:
    model = Slow(0.001, step_s, together)
    timings = time_loop(model, BATCH, "fit", 0.5, steps, clock=model.clock)
    assert model.epochs[0] == 1  # compiles
    # The second is where outputs are sampled, whatever the executions.
    assert model.epochs[1] == min(steps or FEWEST_STEPS, MOST_STEPS)
    assert all(size % together == 0 and size <= MOST_STEPS for size in model.epochs[2:])
    if steps is not None:
        assert timings.blocks[0].steps in range(steps, steps + together)


@pytest.mark.long
def test_an_execution_longer_than_an_epoch_is_refused() -> None:
    images = Batch(np.ones((16, 512, 512, 8), np.float32), np.ones((16, 1), np.float32))
    model = Slow(0.001, 0.1, steps_per_execution=8)
    with pytest.raises(NotImplementedError, match="256 MiB of data hold 1 of these batches"):
        time_loop(model, images, "fit", 0.5, clock=model.clock)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_dataset_holds_the_same_batches_as_the_arrays(steps: int) -> None:
    data = ([np.arange(8.0).reshape(4, 2), np.arange(4)], np.arange(4)[:, None])
    (dataset,), nothing = Fed("tf.data").epoch(data, steps, 4)
    arrays, batching = Fed().epoch(data, steps, 4)
    assert (nothing, batching) == ({}, {"batch_size": 4})
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == steps == int(dataset.cardinality())
    for number, ((first, second), y) in enumerate(batches):
        part = slice(4 * number, 4 * number + 4)
        np.testing.assert_array_equal(first, arrays[0][0][part])
        np.testing.assert_array_equal(second, arrays[0][1][part])
        np.testing.assert_array_equal(y, arrays[1][part])


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "tensorflow"))
def test_several_steps_per_execution(measure: Measure, backend: str) -> None:
    modes = ["predict"] if backend == "openvino" else ["fit", "predict"]
    records = measure(cases_of(["mlp"], backend=backend, mode=modes, batch_size=8, steps_per_execution=[1, 16]))
    for record in records:
        together = record.case.steps_per_execution
        if (backend, together) == ("torch", 16):
            assert record.outcome == "unsupported"
            assert "one step per execution" in record.reason
            continue
        assert record.outcome == "ok", record.reason
        assert record.settings["steps_per_execution"] == together
        assert {block.steps % together for block in record.blocks} == {0}


@pytest.mark.backends
@pytest.mark.parametrize("feed", extended_but(["numpy", "tf.data"], "numpy"))
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "jax"))
def test_loops_run_on_every_backend(measure: Measure, backend: str, feed: str) -> None:
    modes = ["predict"] if backend == "openvino" else ["fit", "predict"]
    # The U-Net has images for targets, the LSTM sequences.
    models = ["mlp", "lstm:units=4,layers=1", "unet:depth=2,base_filters=2,input_shape=16x16x1"]
    records = measure(cases_of(models, backend=backend, mode=modes, batch_size=8, feed=feed))
    for record in records:
        assert record.outcome == "ok", record.reason
        assert len(record.blocks) == EPOCHS
        assert record.throughput_examples_per_s
        assert record.peak_host_bytes
        assert "compiles within its first epoch" in record.not_measured["step_peak_host_bytes"]
        assert not record.step_s
        assert "epochs" in record.not_measured["step_s"]
        loop_checks = {"weights move", "loss goes down"} if record.case.mode == "fit" else {"outputs are finite"}
        assert record.checks == dict.fromkeys(loop_checks, "passed")
        if record.case.mode == "fit":
            assert record.loss_first is not None
            assert record.loss_last is not None
            assert record.loss_last < record.loss_first
