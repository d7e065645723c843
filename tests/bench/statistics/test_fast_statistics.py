"""Statistics that are computed for many records are those of the libraries, to the last bit."""

from __future__ import annotations

import math
import statistics

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.statistics.autocorrelation import autocorrelation_time, autocorrelation_times
from anatomy.bench.statistics.exact_deviation import standard_deviation
from anatomy.bench.statistics.interval import (
    between_blocks,
    between_blocks_of_each,
    median_interval,
    median_intervals,
)
from anatomy.bench.statistics.quantiles import quantile

TIMES = st.floats(1e-9, 1e6)
SERIES = st.lists(st.lists(TIMES | st.sampled_from([0.01, 0.02]), max_size=40), max_size=8)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(values: list[float], q: float) -> None:
    assert quantile(values, q) == float(np.quantile(values, q))


def test_a_quantile_of_what_is_no_number_is_none_either() -> None:
    assert math.isnan(quantile([1.0, math.nan, 2.0], 0.5))


@settings(deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=20))
def test_deviations_are_those_of_the_standard_library(values: list[float]) -> None:
    assert standard_deviation(values) == statistics.stdev(values)


@settings(deadline=None)
@given(SERIES)
def test_many_series_at_once_are_each_as_alone(series: list[list[float]]) -> None:
    assert autocorrelation_times(series) == [autocorrelation_time(one) for one in series]
    assert median_intervals(series) == [median_interval(one) for one in series]
    assert between_blocks_of_each(series) == [between_blocks(one) for one in series]
