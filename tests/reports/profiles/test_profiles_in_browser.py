"""The section on profiles in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.records.run_store import Run
from anatomy.reports import write_report
from tests.reports.browsing import contrast, visit

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def report(profiled: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = write_report([profiled.path], out=tmp_path_factory.mktemp("report"))
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_charts_are_drawn_within_the_page(browser: Any, report: Path, width: int) -> None:
    visit(browser, report, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    sectors, bars, over = browser.execute_script(
        "const chart = (key) => document.querySelector(`[data-chart=profile-${key}]`);"
        "const all = [...document.querySelectorAll('#profiles details[open] [data-chart]')];"
        "return [chart('0-icicle').querySelectorAll('path.surface').length,"
        "  chart('0-layers').querySelectorAll('.bars .point').length,"
        "  Math.max(...all.map((chart) => chart.scrollWidth - chart.clientWidth))];"
    )
    assert sectors > 5
    assert bars > 20
    assert over <= 0
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_narrow_screen_shows_fewer_levels_so_that_names_fit(browser: Any, report: Path) -> None:
    levels = (
        "const boxes = [...document.querySelectorAll('[data-chart=profile-0-icicle] path.surface')]"
        "  .map((path) => path.getBoundingClientRect()).filter((box) => box.width > 1 && box.height > 0);"
        "return new Set(boxes.map((box) => Math.round(box.left))).size;"
    )
    visit(browser, report, 1280)
    assert browser.execute_script(levels) == 8
    visit(browser, report, 390)
    assert browser.execute_script(levels) == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_in_the_icicle_are_shown_and_legible(browser: Any, report: Path, scheme: str) -> None:
    visit(browser, report, scheme=scheme)
    found = browser.execute_script(
        "const slices = [...document.querySelectorAll('[data-chart=profile-0-icicle] g.slice')];"
        "return slices.map((slice) => {"
        "  const text = slice.querySelector('text'), fill = (e) => getComputedStyle(e).fill;"
        "  return [text?.textContent ?? '', text ? fill(text) : '', fill(slice.querySelector('path.surface'))];"
        "}).filter(([words]) => words);"
    )
    assert any(words.startswith("encoder") for words, _, _ in found)
    for words, ink, surface in found:
        assert contrast(ink, surface) >= 4.5, words


def test_a_folded_case_is_drawn_when_it_is_opened(browser: Any, report: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    visit(browser, report)
    drawn = "return Boolean(document.querySelector('[data-chart=profile-1-layers]').dataset.drawn)"
    assert not browser.execute_script(drawn)
    browser.execute_script("document.querySelectorAll('#profiles details')[1].open = true")
    WebDriverWait(browser, 60).until(lambda b: b.execute_script(drawn))
    width = browser.execute_script(
        "return document.querySelector('[data-chart=profile-1-layers] .nsewdrag').getBoundingClientRect().width"
    )
    assert width > 400
