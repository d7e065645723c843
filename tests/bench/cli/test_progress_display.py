"""The bar on a terminal, plain rows elsewhere, nothing when quiet."""

from __future__ import annotations

import io

from rich.console import Console

from anatomy.bench.cli.screens.progress_display import Display
from tests.factories import make_bare_record, make_case


def shown(terminal: bool, quiet: bool = False, width: int = 120) -> str:
    """What two cases print."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, color_system=None)
    with Display(console, 2, quiet) as display:
        for size in (1, 2):
            display.begin(make_case(batch_size=size), f"mlp b{size}")
            display.phase("build")
            display.phase("warmup")
            display.end(make_bare_record(size, step_s=[0.002, 0.004], name=f"mlp b{size}"))
    return out.getvalue()


def test_a_terminal_shows_what_is_measured_and_the_time_left() -> None:
    text = shown(terminal=True)
    assert "mlp b1 · build" in text
    assert "mlp b2 · measure" in text
    assert "1/2" in text
    assert "s left" in text


def test_elsewhere_there_are_rows_alone() -> None:
    text = shown(terminal=False)
    lines = text.splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:2] == ["mlp", "b1"]
    assert "3.00" in lines[1]
    assert "·" not in text


def test_quiet_prints_nothing() -> None:
    assert shown(terminal=False, quiet=True) == ""


def test_a_failure_is_told_with_its_reason() -> None:
    out = io.StringIO()
    with Display(Console(file=out, width=120), 1) as display:
        display.begin(make_case(), "mlp")
        display.end(make_bare_record(outcome="oom", reason="used 2 GiB"))
    assert "oom: used 2 GiB" in out.getvalue()
