"""Lists of CPUs are read and written as the kernel does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.cpu_list import cpus_text, parse_cpus
from anatomy.bench.records.settings import MeasureSettings

CPUS = st.frozensets(st.integers(0, 300), min_size=1, max_size=40)


@given(CPUS)
def test_a_list_is_read_as_it_was_written(cpus: frozenset[int]) -> None:
    assert parse_cpus(cpus_text(cpus)) == cpus


@given(st.text(max_size=30) | st.text("0123456789,- ", max_size=30))
def test_any_text_is_a_list_or_a_usage_error(text: str) -> None:
    try:
        found = parse_cpus(text)
    except UsageError:
        return
    assert found
    assert parse_cpus(cpus_text(found)) == found


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-3", {0, 1, 2, 3}), ("0,2", {0, 2}), (" 1 , 0 ", {0, 1}), ("5", {5}), ("0-1,1-2", {0, 1, 2})]
)
def test_lists(text: str, cpus: set[int]) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", ",", "3-1", "-1", "a", "0-", "0x1", "²", "99999", "0-9999999999", "0 1", "1-2-3"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no list of CPUs"):
        parse_cpus(text)


def test_settings_keep_the_shortest_form() -> None:
    assert MeasureSettings(cpus="2,1,0").cpus == "0-2"
    with pytest.raises(ValueError, match="no list of CPUs"):
        MeasureSettings(cpus="many")
