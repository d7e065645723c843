"""Figures of the window alone, from replayed sessions and from invented readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.machine.telemetry.sample_series import CpuReading, DeviceSeries, Reading, UnmeasurableError
from anatomy.bench.machine.telemetry.telemetry_window import cpu_energy, gpu_use
from anatomy.bench.machine.telemetry.window_arithmetic import integrate_power
from anatomy.bench.records.gpu_use import GpuUse
from tests.bench.machine.telemetry.conftest import Played

GIBI = 2**30
# The h100 session computes from 0.4 s to 3.4 s, throttled from 2 s on.
BUSY = (0.55, 3.25)
FIGURES = {name for name, field in GpuUse.model_fields.items() if field.default is None} - {"used", "power_source"}


def made(columns: dict[str, list[float]], **more: object) -> DeviceSeries:
    count = len(next(iter(columns.values())))
    readings = [Reading(k / 10, {name: column[k] for name, column in columns.items()}) for k in range(count)]
    return DeviceSeries(0, "G", readings=readings, **more)  # type: ignore[arg-type]


def test_a_busy_window_of_a_whole_device(played: Played) -> None:
    (series,) = played("h100")
    use = gpu_use(series, BUSY, used=True)
    assert use.samples == 27
    assert [use.utilisation, use.memory_used_peak_bytes] == [pytest.approx(0.97), 30 * GIBI]
    assert use.process_memory_peak_bytes == 20 * GIBI
    assert (use.sm_clock_min_mhz, use.memory_clock_mean_mhz, use.temperature_max_c) == (1700, 2619, 60)
    assert use.power_max_w == 120 + 20 * 29
    # 0.6 … 3.2 s are 27 samples; thirteen of them are from 2.0 s on.
    assert use.throttled_share == pytest.approx(13 / 27)
    assert use.throttle_reasons == {"SwPowerCap": pytest.approx(13 / 27), "SwThermalSlowdown": pytest.approx(3 / 27)}
    assert use.sm_clock_unthrottled_mean_mhz == 1980
    assert use.sm_clock_mean_mhz == pytest.approx((14 * 1980 + 13 * 1700) / 27)
    assert use.tensor_utilisation == pytest.approx(0.555)
    assert use.pcie_rx_bytes_per_s == pytest.approx(800 * 2**20)
    assert use.ended == ""
    assert set(use.not_measured) == {"nvlink_tx_bytes_per_s", "nvlink_rx_bytes_per_s"}


def test_energy_by_counter_and_by_power_agree(played: Played) -> None:
    (series,) = played("h100")
    use = gpu_use(series, BUSY, used=True)
    # The power rises by 200 W a second from 120 W at 0.3 s.
    start_s, end_s = BUSY
    exact = (end_s - start_s) * (120 + 200 * ((start_s + end_s) / 2 - 0.3))
    assert use.power_energy_j == pytest.approx(exact, rel=1e-6)
    assert use.energy_j == pytest.approx(exact, rel=0.03)


def test_figures_can_be_derived_again_from_the_trace(played: Played) -> None:
    (series,) = played("h100")
    use = gpu_use(series, BUSY, used=True)
    at_s, power = use.trace["at_s"], use.trace["power_w"]
    assert [at_s[0], at_s[-1], len(at_s)] == [pytest.approx(-0.05), pytest.approx(2.75), 29]
    pairs = [(t, w) for t, w in zip(at_s, power, strict=True) if t is not None and w is not None]
    times, watts = zip(*pairs, strict=True)
    assert integrate_power(times, watts, 0.0, BUSY[1] - BUSY[0]) == pytest.approx(use.power_energy_j)
    assert {len(column) for column in use.trace.values()} == {29}


@pytest.mark.parametrize("session", ["h100", "two_gpus", "older", "lost", "no_permission", "container", "mig"])
@pytest.mark.parametrize("window", [BUSY, (0.1, 0.2), (0.12, 0.13), (3.0, 9.0), (50.0, 51.0)])
def test_every_figure_is_there_or_has_a_reason(played: Played, session: str, window: tuple[float, float]) -> None:
    for series in played(session):
        use = gpu_use(series, window, used=None)
        missing = {name for name in FIGURES if getattr(use, name) is None}
        assert missing == set(use.not_measured)
        assert all(use.not_measured.values())
        assert GpuUse.model_validate_json(use.model_dump_json()) == use


def test_a_window_of_few_samples_has_no_means(played: Played) -> None:
    (series,) = played("h100")
    use = gpu_use(series, (1.05, 1.25), used=True)
    assert use.utilisation is None
    assert "2 readings in a window of 0.2 s" in use.not_measured["utilisation"]
    assert "moved" in use.not_measured["energy_j"]


def test_a_gpu_that_is_lost_in_the_window_has_no_energy(played: Played) -> None:
    (series,) = played("lost")
    use = gpu_use(series, (0.55, 3.25), used=True)
    assert use.utilisation == pytest.approx(0.97)
    assert "readings end before the window (NVML: GPU is lost)" in use.not_measured["energy_j"]
    assert use.ended == "NVML: GPU is lost"
    assert gpu_use(series, (0.15, 1.05), used=True).ended == ""


def test_a_window_that_is_throttled_throughout_says_so() -> None:
    use = gpu_use(made({"clock_event_reasons": [4] * 20, "power_w": [9.0] * 20}), (0.1, 1.5), used=True)
    assert use.throttled_share == 1
    assert use.not_measured["power_unthrottled_mean_w"] == "every sample in the window was throttled"


@given(st.lists(st.integers(0, 0x7FF), min_size=16, max_size=40))
def test_shares_of_throttling_are_shares(masks: list[int]) -> None:
    use = gpu_use(made({"clock_event_reasons": list(map(float, masks))}), (0.1, 1.4), used=True)
    assert use.throttled_share is not None
    assert 0 <= use.throttled_share <= 1
    assert all(0 < share <= use.throttled_share for share in use.throttle_reasons.values())
    assert bool(use.throttle_reasons) == (use.throttled_share > 0)


def test_cpu_energy_is_the_sum_of_the_packages() -> None:
    readings = [CpuReading(k / 10, {"package-0": 3.0 * k, "package-1": 1.0 * k}) for k in range(20)]
    energy = cpu_energy(readings, (0.25, 1.25))
    assert energy.packages_j == {"package-0": pytest.approx(30), "package-1": pytest.approx(10)}
    assert energy.energy_j == pytest.approx(40)
    assert energy.trace["at_s"][:2] == [pytest.approx(-0.05), pytest.approx(0.05)]
    assert len(energy.trace["package-1"]) == 12
    with pytest.raises(UnmeasurableError, match="end before"):
        cpu_energy(readings, (0.25, 2.25))
    with pytest.raises(UnmeasurableError, match="no reading"):
        cpu_energy([], (0.25, 2.25))
