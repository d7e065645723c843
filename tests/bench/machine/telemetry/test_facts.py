"""Fields of the record, and what is derived from them."""

from __future__ import annotations

from typing import Any

import pytest

from anatomy.bench.machine.telemetry.record_fields import telemetry_facts
from anatomy.bench.machine.telemetry.sample_series import CpuReading, Recording
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from tests.bench.machine.telemetry.conftest import Played

WINDOW = (0.55, 3.25)
LENGTH = WINDOW[1] - WINDOW[0]


def record(recording: Recording, device: str | None = "NVIDIA", devices: int = 1, steps: int | None = 100) -> Record:
    facts = telemetry_facts(recording, WINDOW, device, devices, steps)
    fields: dict[str, Any] = {"case": Case(model="mlp", batch_size=32, devices=devices), "outcome": "ok", "name": "m"}
    made = Record(
        **fields,
        started_at="2026-01-31",
        window_steps=steps,
        not_measured=facts.not_measured,
        gpu=facts.gpu,
        cpu_energy=facts.cpu_energy,
    )
    return Record.model_validate_json(made.model_dump_json())


def test_energy_is_that_of_the_devices_that_the_case_used(played: Played) -> None:
    gpus = played("two_gpus")
    one = record(Recording(gpus=gpus, cpu_reason="none"))
    assert one.gpu is not None
    assert [use.used for use in one.gpu] == [True, False]
    assert one.gpu_energy_source == "counter"
    assert one.energy_per_step_j == pytest.approx(300 * LENGTH / 100, rel=0.03)
    assert one.examples_per_joule == pytest.approx(32 / (one.energy_per_step_j or 0))
    two = record(Recording(gpus=gpus, cpu_reason="none"), devices=2)
    assert two.energy_per_step_j == pytest.approx(360 * LENGTH / 100, rel=0.03)
    assert "energy_per_step_j" not in one.not_measured


@pytest.mark.parametrize(
    ("session", "more", "why"),
    [
        ("two_gpus", {"device": "cpu"}, "ran on the CPU"),
        ("two_gpus", {"device": None}, "not known on which devices"),
        ("two_gpus", {"steps": None}, "no step was counted"),
        ("older", {}, "Not Supported"),
        ("mig", {}, "MIG instance has no energy of its own"),
        ("lost", {}, "GPU is lost"),
    ],
)
def test_else_there_is_a_reason(played: Played, session: str, more: dict[str, Any], why: str) -> None:
    found = record(Recording(gpus=played(session), cpu_reason="no RAPL"), **more)
    assert found.energy_per_step_j is found.examples_per_joule is None
    assert why in found.not_measured["energy_per_step_j"]
    assert why in found.not_measured["examples_per_joule"]
    assert found.cpu_energy_per_step_j is None
    assert "no RAPL" in found.not_measured["cpu_energy"]


def test_where_the_order_of_devices_is_in_doubt_none_is_said_to_be_used(played: Played) -> None:
    found = record(Recording(gpus=played("two_gpus"), cpu_reason="none", doubt="the GPUs differ"))
    assert found.gpu is not None
    assert [use.used for use in found.gpu] == [None, None]
    assert found.not_measured["energy_per_step_j"] == "the GPUs differ"


def test_without_a_gpu_everything_has_its_reason() -> None:
    found = record(Recording(gpu_reason="NVML: Driver Not Loaded", cpu_reason="no RAPL"), device="gpu")
    assert found.gpu is None
    for name in ("gpu", "energy_per_step_j", "examples_per_joule"):
        assert found.not_measured[name] == "NVML: Driver Not Loaded"


def test_without_a_window_everything_has_its_reason(played: Played) -> None:
    facts = telemetry_facts(Recording(gpus=played("h100")), None, None, 1, None)
    assert (facts.gpu, facts.cpu_energy) == (None, None)
    assert set(facts.not_measured) == {
        "gpu",
        "cpu_energy",
        "energy_per_step_j",
        "examples_per_joule",
        "cpu_energy_per_step_j",
    }
    assert set(facts.not_measured.values()) == {"the case has no measured window"}


def test_joules_of_the_cpu_stay_apart_from_the_gpus() -> None:
    readings = [CpuReading(k / 10, {"package-0": 5.0 * k}) for k in range(40)]
    found = record(Recording(cpu=readings, gpu_reason="no driver"), device="cpu")
    assert found.cpu_energy_per_step_j == pytest.approx(50 * LENGTH / 100)
    assert found.energy_per_step_j is None
    assert "cpu_energy" not in found.not_measured


def test_records_of_earlier_versions_still_load() -> None:
    old = {"index": 0, "name": "G", "utilisation": 0.5, "memory_used_peak_bytes": 7, "samples": 3}
    fields = {"case": {"model": "mlp"}, "name": "m", "outcome": "ok", "started_at": "2026-01-31"}
    for version in (1, 2):
        loaded = Record.model_validate({**fields, "schema_version": version, "gpu": [old]})
        assert loaded.gpu is not None
        assert (loaded.gpu[0].utilisation, loaded.gpu[0].used, loaded.energy_per_step_j) == (0.5, None, None)
