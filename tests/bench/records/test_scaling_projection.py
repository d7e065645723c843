"""The model of all-reduce, against its published formulas, and what follows from it for any link."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from anatomy.bench.cli.main import app
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.scaling_projection import BACKWARD_SHARE, Link, exchange_s, fit_link, project
from anatomy.bench.suites.units import parse_seconds

LINKS = st.builds(Link, st.floats(0, 1e-3), st.floats(1e6, 1e12))
COUNTS = st.integers(2, 4096)
SIZES = st.floats(4, 1e10)


def test_the_published_formulas() -> None:
    link = Link(latency_s=1e-5, bandwidth_bytes_per_s=1e9)
    # Patarasuk and Yuan: 2·(n − 1) messages, 2·(n − 1)/n of the data.
    assert exchange_s("ring", 4, 1e8, link) == pytest.approx(6e-5 + 1.5 * 0.1)
    # Down and up a binary tree of 8 leaves.
    assert exchange_s("tree", 8, 1e8, link) == pytest.approx(6e-5 + 2 * 0.1)
    assert exchange_s("tree", 5, 1e8, link) == exchange_s("tree", 8, 1e8, link)
    assert exchange_s("ring", 1, 1e8, link) == 0


@given(LINKS, COUNTS, SIZES)
def test_no_link_beats_its_bandwidth(link: Link, devices: int, size: float) -> None:
    least = 2 * (devices - 1) / devices * size / link.bandwidth_bytes_per_s
    assert min(exchange_s("ring", devices, size, link), exchange_s("tree", devices, size, link)) >= least * (1 - 1e-12)


@given(LINKS, COUNTS, SIZES, st.floats(1e-5, 10), st.integers(1, 512))
@example(Link(0.0, 1e6), 2, 4096000007.0, 1e-5, 1)
def test_a_projection_is_a_range_within_what_is_possible(
    link: Link, devices: int, size: float, step_s: float, batch: int
) -> None:
    (row,) = project(step_s, batch, size, link, [devices])
    worst, best = row.efficiency
    assert 0 < worst <= best <= 1
    assert row.step_s[1] == pytest.approx(step_s + row.exchange_s)
    assert row.step_s[0] >= step_s
    # The difference of two large times is known to their own rounding only.
    assert row.step_s[1] - row.step_s[0] <= BACKWARD_SHARE * step_s + 1e-12 * row.step_s[1]
    assert row.examples_per_s[0] == pytest.approx(devices * batch * worst / step_s)


@given(st.integers(1, 4096))
def test_without_a_network_devices_add_up(devices: int) -> None:
    (row,) = project(0.1, 32, 1e6, Link(0, 1e30), [devices])
    assert row.efficiency == pytest.approx((1, 1))
    assert row.examples_per_s[1] == pytest.approx(devices * 320)


@given(LINKS.filter(lambda link: link.latency_s > 1e-7), st.sets(st.integers(2, 64), min_size=2))
def test_a_link_is_found_again(link: Link, counts: set[int]) -> None:
    # Sizes at which latency and bandwidth both count.
    even = link.latency_s * link.bandwidth_bytes_per_s
    measured = [(n, int(k * even) + 4, 0.0) for n in counts for k in (1, 100)]
    exact = [(n, size, exchange_s("ring", n, size, link)) for n, size, _ in measured]
    found = fit_link(exact)
    assert found.latency_s == pytest.approx(link.latency_s, rel=1e-3)
    assert found.bandwidth_bytes_per_s == pytest.approx(link.bandwidth_bytes_per_s, rel=1e-3)


@pytest.mark.parametrize("measured", [[], [(2, 100, 1.0)], [(2, 100, 1.0), (2, 100, 1.0)], [(1, 5, 1.0), (2, 9, 1.0)]])
def test_too_few_all_reduces_are_refused(measured: list[tuple[int, int, float]]) -> None:
    with pytest.raises(ValueError, match="needed to tell latency from bandwidth"):
        fit_link(measured)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5us", 5e-6), ("5 µs", 5e-6), ("1.5ms", 1.5e-3), ("2s", 2), ("9ns", 9e-9)]
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5", "us", "5 hours", "-1us"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_seconds(text)


EXAMPLE = Path(__file__).parents[3] / "reports" / "examples" / "quick"


@pytest.mark.long
def test_the_command_projects_each_training_case_and_says_what_it_is() -> None:
    link = ("--bandwidth", "25GB", "--latency", "5us")
    shown = CliRunner().invoke(app, ["project", str(EXAMPLE), *link, "--devices", "8,64"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.startswith("A projection, not a measurement")
    assert "mlp train jax b32: 25 GB/s, 5 µs" in shown.output
    data = CliRunner().invoke(app, ["project", str(EXAMPLE), *link, "--devices", "8,64", "--json"])
    first = json.loads(data.output.splitlines()[0])
    assert first["is_projection"] is True
    assert [row["devices"] for row in first["projection"]] == [8, 64]
    assert first["projection"][0]["exchange_s"] > 14 * 5e-6 * 0.99 or first["projection"][0]["algorithm"] == "tree"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bandwidth", "25GB"), "two of different sizes are needed"),
        (("--bandwidth", "fast", "--latency", "5us"), "'fast' is not a size"),
        (("--bandwidth", "25GB", "--latency", "5"), "'5' is not a time"),
        (("--devices", "2,x"), "--devices 2,x: expected whole numbers"),
    ],
)
def test_what_cannot_be_projected(arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["project", str(EXAMPLE), *arguments])
    assert result.exit_code == 2
    assert said in result.output
