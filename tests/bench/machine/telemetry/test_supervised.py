"""A whole case beside a replayed device: what its record has of the devices."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.machine.telemetry import rapl
from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.records.record import Record
from anatomy.bench.runner import session
from tests.bench.conftest import Measure, cases_of
from tests.bench.machine.telemetry.conftest import Installed
from tests.bench.machine.telemetry.test_rapl import zone

pytestmark = pytest.mark.backends


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One package that takes ten watts."""
    root = tmp_path / "powercap"
    root.mkdir()
    zone(root, "intel-rapl:0", "package-0", 0)
    start_s = time.perf_counter()
    real = rapl._microjoules

    def ten_watts(folder: Path, file: str) -> int:
        return int(10e6 * (time.perf_counter() - start_s)) if file == "energy_uj" else 10 * real(folder, file) ** 2

    monkeypatch.setattr(rapl, "_microjoules", ten_watts)
    monkeypatch.setattr(session, "DeviceSampler", partial(DeviceSampler, interval_s=0.02, powercap=root))
    return root


@pytest.mark.parametrize("mode", ["train", "predict"])
def test_a_case_on_the_cpu_leaves_the_gpu_alone(
    measure: Measure, installed: Installed, powercap: Path, mode: str
) -> None:
    installed("two_gpus")
    backend = installed_backends()[0]
    settings: dict[str, Any] = {"seconds": 0.5}
    (record,) = measure(cases_of(["mlp"], backend=backend, mode=mode, batch_size=8), **settings)
    assert record.outcome == "ok", record.reason
    assert record.window_s is not None
    assert record.window_steps is not None
    assert record.gpu is not None
    assert [use.used for use in record.gpu] == [False, False]
    assert record.gpu[0].utilisation == pytest.approx(0.9)
    assert "CPU" in record.not_measured["energy_per_step_j"]
    assert record.cpu_energy is not None
    assert record.cpu_energy.energy_j == pytest.approx(10 * record.window_s, rel=0.02)
    if mode == "train":
        assert record.window_steps == len(record.step_s) + sum(block.steps for block in record.blocks)
    else:
        timed_s = sum(block.seconds for block in record.blocks)
        assert record.window_steps == sum(block.steps for block in record.blocks)
        # Nothing but the epochs is in the window.
        assert timed_s <= record.window_s < 1.05 * timed_s + 0.01
    assert Record.model_validate_json(record.model_dump_json()) == record
