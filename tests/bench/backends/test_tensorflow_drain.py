"""How TensorFlow's step is waited for; the accelerator is a fake."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.backends.step import Batch
from tests.when_used import WhenUsed

tf: Any = WhenUsed("tensorflow")


class Output:
    """A tensor that notes when it is copied to the host."""

    def __init__(self, done: list[str]) -> None:
        self._done = done

    def numpy(self) -> None:
        self._done.append("copied")


class Model:
    jit_compile = False
    run_eagerly = False

    def predict_step(self, data: Any) -> Any:
        return data


@pytest.mark.long
@pytest.mark.parametrize(("gpus", "expected"), [(["GPU:0"], ["waited"]), ([], ["copied", "copied"])])
def test_an_accelerator_is_waited_for_and_copies_nothing(
    gpus: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of every output would be in the measured time, as on no other backend."""
    from anatomy.bench.backends.tensorflow_step import TensorFlowStep

    done: list[str] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: gpus)
    monkeypatch.setattr(tf.test.experimental, "sync_devices", lambda: done.append("waited"))
    TensorFlowStep(Model(), Batch([1.0]), "infer").drain([Output(done), {"y": Output(done)}])
    assert done == expected
