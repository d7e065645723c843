"""The table of what the devices did, and the mark of throttled cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anatomy.bench.records.caveats import THROTTLED, caveats_of
from anatomy.bench.records.gpu_use import CpuEnergy, GpuUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import case_table, telemetry_table

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


def use(**changes: Any) -> GpuUse:
    values: dict[str, Any] = {
        "index": 0,
        "name": "G100",
        "used": True,
        "utilisation": 0.9,
        "memory_used_peak_bytes": 2**30,
        "power_mean_w": 250.0,
        "energy_j": 500.0,
        "power_energy_j": 505.0,
        "throttled_share": 0.0,
        "samples": 20,
        "not_measured": {"tensor_utilisation": "GPM needs Hopper"},
    }
    return GpuUse(**(values | changes))


def test_a_row_a_device_with_the_cases_energy_once(record: MakeRecord, run: MakeRun) -> None:
    devices = [use(), use(index=1, used=False, energy_j=60.0)]
    one = record(gpu=devices, window_steps=100, peak_device_bytes=2**20, case={"batch_size": 32})
    table = telemetry_table(label_runs([run([one])]))
    frame = table.frame
    assert frame["gpu"].tolist() == ["0: G100", "1: G100"]
    assert frame["used"].tolist() == ["yes", "no"]
    assert frame["energy_per_step_j"][0] == 5.0
    assert frame["examples_per_joule"][0] == 6.4
    assert frame["peak_device_bytes"][0] == 2**20
    cells = {column.key: table.cell(1, column) for column in table.columns}
    assert cells["energy_per_step_j"] == "as above"
    column = next(column for column in table.columns if column.key == "tensor_utilisation")
    assert table.absence(0, column).reason == "GPM needs Hopper"
    assert not table.footnotes[2:]


def test_throttling_is_marked_here_and_at_the_times(record: MakeRecord, run: MakeRun) -> None:
    held = use(throttled_share=0.25, throttle_reasons={"SwPowerCap": 0.25})
    one, other = record(gpu=[held]), record(gpu=[use(used=True), held.model_copy(update={"used": False})])
    assert caveats_of(one) == (THROTTLED,)
    assert caveats_of(other) == ()
    runs = label_runs([run([one])])
    table = telemetry_table(runs)
    assert table.caveats[0, "throttled_share"] == (THROTTLED,)
    assert table.frame["throttle_reasons"][0] == "SwPowerCap 25%"
    assert any("held down" in note for note in table.footnotes)
    assert case_table(runs).caveats[0, "step_median_s"] == (THROTTLED,)
    assert THROTTLED in case_table(runs).caveats[0, "throughput_examples_per_s"]


def test_cpu_energy_alone_is_a_row(record: MakeRecord, run: MakeRun) -> None:
    energy = CpuEnergy(energy_j=30.0, packages_j={"package-0": 30.0})
    reasons = {"gpu": "no driver", "energy_per_step_j": "no driver"}
    one = record(cpu_energy=energy, window_steps=10, not_measured=reasons)
    table = telemetry_table(label_runs([run([one])]))
    assert table.frame["cpu_energy_per_step_j"][0] == 3.0
    columns = {column.key: column for column in table.columns}
    assert table.cell(0, columns["gpu"]) == "none"
    assert table.absence(0, columns["power_mean_w"]).reason == "no driver"
    assert table.absence(0, columns["energy_per_step_j"]).reason == "no driver"


def test_without_a_device_the_reason_stands_in_its_place(record: MakeRecord, run: MakeRun) -> None:
    one = record(not_measured={"gpu": "NVML: no library", "cpu_energy": "root alone"})
    table = telemetry_table(label_runs([run([one])]))
    assert table.frame.empty
    assert table.empty == "No device was sampled. GPUs: NVML: no library. CPU energy: root alone."


def test_use_of_the_case_table_is_of_the_devices_that_it_ran_on(record: MakeRecord, run: MakeRun) -> None:
    one = record(gpu=[use(utilisation=0.8), use(used=False, utilisation=0.0)])
    silent = use(utilisation=None, not_measured={"utilisation": "NVML: Not Supported"})
    none = record(gpu=[silent], case={"batch_size": 7})
    beside = record(gpu=[use(used=False)], case={"batch_size": 9})
    table = case_table(label_runs([run([one, none, beside])]))
    assert table.frame["gpu_utilisation"][0] == 0.8
    assert table.frame["gpu_utilisation"].isna().tolist() == [False, True, True]
    reasons = [table.absent[row, "gpu_utilisation"].reason for row in (1, 2)]
    assert reasons == ["NVML: Not Supported", "the case did not run on a GPU"]
