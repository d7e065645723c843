"""`pytest` runs the tests; `pytest --benchmark` and `pytest bench/…` measure the benchmark items."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"
WINDOW_S = 0.3


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let `--benchmark` without paths collect `bench/`, and paths in `bench/` imply `--benchmark`."""
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and config.option.benchmark:
        config.args = [str(BENCH)]
    if all(Path(argument.partition("::")[0]).absolute().is_relative_to(BENCH) for argument in config.args):
        config.option.benchmark = True
        config.option.anatomy_seconds = config.option.anatomy_seconds or WINDOW_S
