"""One device read again and again, from sessions with and without faults."""

from __future__ import annotations

import pytest

from anatomy.bench.machine.telemetry import gpu_processes
from anatomy.bench.machine.telemetry.sample_series import COLUMNS, DeviceSeries
from tests.bench.machine.telemetry.conftest import READINGS, Played
from tests.bench.machine.telemetry.replay import SESSIONS

GIBI = 2**30
GPM = ("sm_utilisation", "sm_occupancy", "tensor_utilisation", "dram_utilisation")


def column(series: DeviceSeries, name: str) -> list[tuple[float, float]]:
    return [(reading.at_s, reading.values[name]) for reading in series.readings if name in reading.values]


@pytest.mark.parametrize("session", [name for name in SESSIONS if name != "no_driver"])
def test_each_column_is_known_and_has_values_or_a_reason(played: Played, session: str) -> None:
    for series in played(session):
        found = {name for reading in series.readings for name in reading.values}
        assert found <= set(COLUMNS)
        missing = {name for name in COLUMNS if not name.endswith("_since_s")} - found
        assert missing <= set(series.reasons)
        assert all(series.reasons[name] for name in missing)


def test_a_whole_device(played: Played) -> None:
    (series,) = played("h100")
    assert (series.name, series.mig, series.ended) == ("NVIDIA H100 80GB HBM3", False, "")
    assert series.power_source == "NVML_FI_DEV_POWER_INSTANT"
    assert len(series.readings) == READINGS
    assert column(series, "utilisation")[10] == (1.0, 0.97)
    assert column(series, "power_w")[:5] == [(k / 10, w) for k, w in enumerate((120, 120, 120, 120, 140))]
    assert column(series, "energy_j")[1][1] - column(series, "energy_j")[0][1] == pytest.approx(12)
    assert column(series, "memory_used_bytes")[10][1] == 30 * GIBI
    assert dict(column(series, "clock_event_reasons"))[2.5] == 4


def test_gpm_is_read_over_intervals_of_two_readings(played: Played) -> None:
    (series,) = played("h100")
    tensor = column(series, "tensor_utilisation")
    assert list(tensor[1]) == [pytest.approx(0.4), 0.555]
    assert len(tensor) == READINGS // 2 - 1
    since = dict(column(series, "gpm_since_s"))
    assert all(at_s - since[at_s] == pytest.approx(0.2) for at_s, _ in tensor)
    # MiB/s.
    assert column(series, "pcie_rx_bytes_per_s")[3][1] == 800 * 2**20
    assert "Not Supported" in series.reasons["nvlink_tx_bytes_per_s"]


def test_own_memory_is_read_twice_a_second_among_others(played: Played) -> None:
    first, second = played("two_gpus")
    assert column(first, "process_memory_bytes")[:2] == [(0.0, 9 * GIBI), (0.5, 9 * GIBI)]
    assert "no process on the device" in second.reasons["process_memory_bytes"]


def test_links_are_counters_of_kibibytes(played: Played) -> None:
    first, second = played("two_gpus")
    tx, rx = column(first, "nvlink_tx_bytes_per_s"), column(first, "nvlink_rx_bytes_per_s")
    assert len(tx) == READINGS - 1
    assert tx[0][1] == pytest.approx(1_000_000 * 1024)
    assert rx[0][1] == pytest.approx(2_000_000 * 1024)
    assert {rate for _, rate in column(second, "nvlink_tx_bytes_per_s")} == {0.0}


def test_pcie_which_blocks_is_asked_once_a_second(played: Played) -> None:
    first, _ = played("two_gpus")
    assert column(first, "pcie_tx_bytes_per_s") == [(float(k), 300_000_000.0) for k in range(4)]


def test_an_older_gpu_says_what_it_lacks_and_why(played: Played) -> None:
    (series,) = played("older")
    for name in ("energy_j", "power_w", "pcie_tx_bytes_per_s", "nvlink_tx_bytes_per_s"):
        assert series.reasons[name] == "NVML: Not Supported"
    assert all("Hopper" in series.reasons[name] for name in GPM)
    assert len(column(series, "clock_event_reasons")) == len(column(series, "utilisation")) == READINGS


def test_a_lost_gpu_keeps_what_was_read(played: Played) -> None:
    (series,) = played("lost")
    assert series.ended == "NVML: GPU is lost"
    assert len(column(series, "utilisation")) == 12
    assert len(series.readings) == 13


def test_what_is_not_permitted_is_given_up_with_the_remedy(played: Played) -> None:
    (series,) = played("no_permission")
    for name in (*GPM, "process_memory_bytes", "pcie_rx_bytes_per_s"):
        assert "Insufficient Permissions; ask the administrator" in series.reasons[name]
    assert len(column(series, "power_w")) == READINGS


def test_in_a_container_the_ids_are_another_namespaces(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    (series,) = played("container")
    assert "none of this case" in series.reasons["process_memory_bytes"]
    monkeypatch.setattr(gpu_processes, "in_machine_namespace", lambda: False)
    (series,) = played("container")
    assert "--pid=host" in series.reasons["process_memory_bytes"]
    assert column(series, "memory_used_bytes")


def test_of_a_mig_instance_memory_is_its_own(played: Played) -> None:
    (series,) = played("mig")
    assert (series.index, series.name, series.mig) == (0, "NVIDIA A100-SXM4-40GB MIG 3g.20gb", True)
    assert {value for _, value in column(series, "memory_used_bytes")} == {5 * GIBI}
    assert {value for _, value in column(series, "power_w")} == {200}
    assert series.reasons["utilisation"] == "NVML: Not Supported while MIG is on"
    assert "not its memory" in series.reasons["process_memory_bytes"]
