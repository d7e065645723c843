"""What a real case's record says of the host: the peak of its steps, and samples over its life."""

from __future__ import annotations

import pytest

from anatomy.bench.backends.available import installed_backends
from tests.bench.conftest import Measure, cases_of
from tests.marks import extended_but

# 144 MiB of weights, which are drawn in numpy and copied: while it is built, a model takes twice as much.
HEAVY = "mlp:hidden=6144,input_size=6144,classes=8"
WEIGHTS_BYTES = 6144 * 6144 * 4

pytestmark = pytest.mark.backends


@pytest.mark.quiet
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "jax"))
def test_the_steps_have_a_peak_of_their_own(measure: Measure, backend: str) -> None:
    (record,) = measure(cases_of([HEAVY], backend=backend, mode="infer", batch_size=8), seconds=1.0)
    assert record.outcome == "ok", record.reason
    steps = record.step_peak_host_above_base_bytes
    whole = record.peak_host_above_base_bytes
    assert steps is not None
    assert whole is not None
    assert WEIGHTS_BYTES <= steps <= whole
    if backend != "openvino":  # It keeps a copy of the weights as it likes them, which is as much.
        # What building takes and gives back is in one of them alone.
        assert whole - steps >= 0.25 * WEIGHTS_BYTES
    use = record.host_use
    assert use is not None
    assert len(use.at_s) == len(use.resident_bytes) == len(use.cpu_s) >= 3
    assert use.at_s == sorted(use.at_s)
    assert record.base_host_bytes is not None
    assert record.peak_host_bytes is not None
    assert record.base_host_bytes / 2 < max(use.resident_bytes) <= 1.1 * record.peak_host_bytes
    assert max(cores for _, cores in use.cores()) > 0.5
