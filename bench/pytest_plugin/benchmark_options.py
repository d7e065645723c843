"""What options of pytest-benchmark and pytest-xdist mean for marked items."""

from __future__ import annotations

import pytest

from anatomy.bench.errors.anatomy_error import UsageError


def is_disabled(config: pytest.Config) -> bool:
    """Whether builders are called once and not measured: `--benchmark-disable` without `--benchmark-enable`."""
    return bool(config.getoption("benchmark_disable", False) and not config.getoption("benchmark_enable", False))


def is_skipped(config: pytest.Config) -> bool:
    """Whether pytest-benchmark skips every item that measures: `--benchmark-skip` without `--benchmark-only`."""
    return bool(config.getoption("benchmark_skip", False) and not config.getoption("benchmark_only", False))


def require_one_at_a_time(config: pytest.Config) -> None:
    """Refuse pytest-xdist where something would be measured.

    Raises:
        UsageError: items would be distributed.
    """
    distributed = config.getoption("dist", "no") != "no" and config.getoption("tx", None)
    if distributed and not is_disabled(config) and not is_skipped(config):
        raise UsageError(
            "--benchmark: pytest-xdist would measure several items at once, and each would slow the others down;"
            " leave out -n and --tx, or add -n 0"
        )


def require_measuring(config: pytest.Config, option: str) -> None:
    """Refuse to compare in a session that measures nothing: every item would pass.

    Args:
        config: of the session.
        option: the option that asks for the comparison.

    Raises:
        UsageError: pytest-benchmark is told not to measure.
    """
    if is_disabled(config):
        raise UsageError(
            f"{option} compares what is measured, and --benchmark-disable measures nothing; add --benchmark-enable"
        )
    if is_skipped(config):
        raise UsageError(f"{option} compares what is measured, and --benchmark-skip skips it; leave it out")
