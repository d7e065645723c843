"""The report in a real browser: skipped, saying so, where there is none."""

from pathlib import Path
from typing import Any, get_args

import pytest

from anatomy.bench.records.record import Outcome
from anatomy.bench.records.run_store import Run
from anatomy.reports import write_report
from tests.reports.browsing import contrast, visit

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def report(big_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (path,) = write_report([big_run.path], out=tmp_path_factory.mktemp("report"))
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_does_not_overflow(browser: Any, report: Path, width: int) -> None:
    visit(browser, report, width)
    assert browser.execute_script("return innerWidth") == width
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_every_chart_has_marks_within_its_box(browser: Any, report: Path, width: int) -> None:
    visit(browser, report, width)
    found = browser.execute_script(
        "return [...document.querySelectorAll('[data-chart]')].map((chart) => ({"
        "  key: chart.dataset.chart,"
        "  marks: chart.querySelectorAll('.points path, path.box').length,"
        "  plot: chart.querySelector('.nsewdrag').getBoundingClientRect().width,"
        "  over: chart.scrollWidth - chart.clientWidth}));"
    )
    assert len(found) == 10
    for chart in found:
        assert chart["marks"] > 0, chart
        assert chart["plot"] > 80, chart
        assert chart["over"] <= 0, chart


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_page_and_charts_has_contrast(browser: Any, report: Path, scheme: str) -> None:
    visit(browser, report, scheme=scheme)
    ink, card, chart = browser.execute_script(
        "const style = (s) => getComputedStyle(document.querySelector(s));"
        "return [style('td').color, style('figure').backgroundColor, style('.ytick text').fill];"
    )
    assert contrast(ink, card) > 7
    assert contrast(chart, card) > 7


def column(browser: Any, head: str) -> list[str]:
    return list(
        browser.execute_script(
            "const table = document.querySelector('#cases table');"
            "const at = [...table.tHead.rows].at(-1);"
            "const n = [...at.cells].findIndex((c) => c.textContent.includes(arguments[0]));"
            "return [...table.tBodies[0].rows].map((row) => row.cells[n].textContent.trim());",
            head,
        )
    )


def click(browser: Any, head: str) -> str:
    return str(
        browser.execute_script(
            "const at = [...document.querySelector('#cases table').tHead.rows].at(-1);"
            "const th = [...at.cells].find((c) => c.textContent.includes(arguments[0]));"
            "th.querySelector('button').click(); return th.getAttribute('aria-sort');",
            head,
        )
    )


# A figure that was not measured, or the outcome of the case that it is missing for.
GAPS = {"not measured", *get_args(Outcome)}


def test_numbers_sort_as_numbers_with_gaps_last(browser: Any, report: Path) -> None:
    visit(browser, report)
    for expected, reverse in (("descending", True), ("ascending", False)):
        assert click(browser, "throughput") == expected
        cells = column(browser, "throughput")
        values = [float(text.replace(",", "").rstrip("†‡°")) for text in cells if text not in GAPS]
        assert values == sorted(values, reverse=reverse)
        assert set(cells[len(values) :]) <= GAPS
        assert len(values) < len(cells)


def test_text_sorts_as_text(browser: Any, report: Path) -> None:
    visit(browser, report)
    assert click(browser, "backend") == "ascending"
    backends = column(browser, "backend")
    assert backends == sorted(backends)
    assert len(set(backends)) == 4


def test_rows_filter_and_groups_hide(browser: Any, report: Path) -> None:
    visit(browser, report)
    shown = browser.execute_script(
        "const box = document.querySelector('#cases input[type=search]');"
        "box.value = 'googlenet torch'; box.dispatchEvent(new Event('input'));"
        "return document.querySelectorAll('#cases tbody tr:not([hidden])').length;"
    )
    assert shown == 2
    hidden = browser.execute_script(
        "const box = document.querySelector('#cases input[type=checkbox]'); box.click();"
        "return document.querySelectorAll('#cases thead th[hidden]').length;"
    )
    assert hidden > 1


def test_the_browser_complains_of_nothing(browser: Any, report: Path) -> None:
    visit(browser, report)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
