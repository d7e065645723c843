"""Samples of a worker: thinned evenly, and read as cores."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.process_usage import HostUse, HostUseSeries, Reading


@given(st.integers(1, 2000), st.integers(2, 64))
def test_a_long_series_is_thinned_evenly_from_its_beginning(readings: int, most: int) -> None:
    series = HostUseSeries(most)
    for number in range(readings):
        series.add(float(number), Reading(number, number / 2))
    kept = series.result()
    assert kept is not None
    assert len(kept.at_s) <= most
    assert len(kept.at_s) >= min(readings, most // 2)
    assert kept.at_s[0] == 0
    assert len({after - before for before, after in zip(kept.at_s, kept.at_s[1:], strict=False)}) <= 1
    assert kept.resident_bytes == [int(at_s) for at_s in kept.at_s]
    # Reached to the end, but for less than one distance.
    stride = kept.at_s[1] if len(kept.at_s) > 1 else most + 1
    assert kept.at_s[-1] > readings - 1 - stride


def test_nothing_read_is_nothing_known() -> None:
    assert HostUseSeries().result() is None


def test_cores_are_cpu_time_over_time() -> None:
    use = HostUse(at_s=[0.0, 1.0, 3.0, 4.0], resident_bytes=[1, 2, 3, 4], cpu_s=[0.0, 1.5, 5.5, 5.0])
    assert use.cores() == [(1.0, 1.5), (3.0, 2.0), (4.0, 0.0)]
