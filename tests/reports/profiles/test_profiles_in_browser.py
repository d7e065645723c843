"""The section on profiles in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.records.run_store import Run
from anatomy.reports import write_report
from tests.reports.browsing import visit

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def report(profiled: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = write_report([profiled.path], out=tmp_path_factory.mktemp("report"))
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_tree_and_bars_are_within_the_page(browser: Any, report: Path, width: int) -> None:
    visit(browser, report, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    shown, wide = browser.execute_script(
        "const tree = document.querySelector('.profile[open] .tree');"
        "const parts = [...tree.querySelectorAll('summary, div')].filter((part) => part.offsetParent);"
        "return [parts.length, Math.max(...parts.map((part) => part.getBoundingClientRect().right))];"
    )
    assert shown > 3
    assert wide <= width
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_part_opens_and_its_bars_are_its_shares(browser: Any, report: Path) -> None:
    visit(browser, report)
    shares = browser.execute_script(
        "const tree = document.querySelector('.profile[open] .tree');"
        "for (const part of tree.querySelectorAll('details')) part.open = true;"
        "return [...tree.querySelectorAll('details > summary > i')].map((bar) => ["
        "  parseFloat(bar.style.getPropertyValue('--part')),"
        "  [...bar.closest('details').children].slice(1).map((child) =>"
        "    parseFloat((child.matches('details') ? child.querySelector('i') : child.firstElementChild)"
        "      .style.getPropertyValue('--part')))]);"
    )
    assert len(shares) > 3
    assert shares[0][0] == 100
    for whole, parts in shares:
        assert sum(parts) == pytest.approx(whole, abs=0.1)
