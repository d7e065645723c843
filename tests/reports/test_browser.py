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
def test_every_chart_is_within_its_box_and_its_text_can_be_read(browser: Any, report: Path, width: int) -> None:
    visit(browser, report, width)
    found = browser.execute_script(
        "return [...document.querySelectorAll('.drawing')].map((chart) => {"
        "  const box = chart.getBoundingClientRect(), scale = box.width / chart.viewBox.baseVal.width;"
        "  const texts = [...chart.querySelectorAll('text')];"
        "  return {wide: box.width, over: Math.max(...texts.map((t) => t.getBoundingClientRect().right)) - innerWidth,"
        "    left: Math.min(...texts.map((t) => t.getBoundingClientRect().left)),"
        "    size: scale * Math.min(...texts.map((t) => parseFloat(getComputedStyle(t).fontSize)))};});"
    )
    assert len(found) == 10
    for chart in found:
        assert chart["wide"] > 300, chart
        assert chart["over"] <= 0, chart
        assert chart["left"] >= 0, chart
        assert chart["size"] >= 8, chart


@pytest.mark.parametrize("width", WIDTHS)
def test_no_table_scrolls_sideways(browser: Any, report: Path, width: int) -> None:
    visit(browser, report, width)
    too_wide = browser.execute_script(
        "for (const fold of document.querySelectorAll('details')) fold.open = true;"
        "return [...document.querySelectorAll('.grid')].filter((box) => box.scrollWidth > box.clientWidth + 1)"
        "  .map((box) => [box.querySelector('table').className, box.scrollWidth, box.clientWidth]);"
    )
    assert too_wide == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_on_a_phone_a_row_is_a_card_with_its_figures(browser: Any, report: Path) -> None:
    visit(browser, report, 390)
    names, figure = browser.execute_script(
        "document.querySelector('#cases details').open = true;"
        "const row = [...document.querySelectorAll('#cases tbody tr')].find((r) => r.textContent.includes('ok'));"
        "const shown = [...row.cells].slice(1).filter((cell) => cell.offsetParent);"
        "const at = shown.find((cell) => cell.dataset.name.includes('throughput'));"
        "return [shown.map((cell) => cell.dataset.name), at.getBoundingClientRect().right];"
    )
    assert "case: backend" in names
    assert any("throughput [examples/s]" in name for name in names)
    assert figure <= 390


def test_a_row_opens_with_what_has_no_room_and_why(browser: Any, report: Path) -> None:
    visit(browser, report)
    opened = browser.execute_script(
        "const row = [...document.querySelectorAll('#cases tbody tr')].find((r) => r.textContent.includes('timeout'));"
        "row.querySelector('.open').click();"
        "const facts = [...row.nextElementSibling.querySelectorAll('dt')];"
        "return Object.fromEntries(facts.map((dt) => [dt.textContent, dt.nextElementSibling.textContent]));"
    )
    assert opened["reason"] == "not finished after 180 s"
    assert any("not finished after 180 s" in text for name, text in opened.items() if "throughput" in name)


def test_a_link_opens_the_fold_that_it_leads_into(browser: Any, report: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    visit(browser, report)
    assert not browser.execute_script("return document.querySelector('#trust details').open")
    browser.execute_script("document.querySelector('nav a[href=\"#trust\"]').click()")
    WebDriverWait(browser, 10).until(lambda b: b.execute_script("return document.querySelector('#trust details').open"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_page_and_charts_has_contrast(browser: Any, report: Path, scheme: str) -> None:
    visit(browser, report, scheme=scheme)
    ink, card, chart = browser.execute_script(
        "const style = (s) => getComputedStyle(document.querySelector(s));"
        "return [style('td').color, style('figure').backgroundColor, style('.drawing text').fill];"
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
        values = [float(text.replace(",", "").removeprefix("≈ ")) for text in cells if text not in GAPS]
        assert values == sorted(values, reverse=reverse)
        assert set(cells[len(values) :]) <= GAPS
        assert len(values) < len(cells)


def test_text_sorts_as_text(browser: Any, report: Path) -> None:
    visit(browser, report)
    assert click(browser, "backend") == "ascending"
    backends = column(browser, "backend")
    assert backends == sorted(backends)
    assert len(set(backends)) == 4


def test_rows_filter_and_all_columns_show(browser: Any, report: Path) -> None:
    visit(browser, report)
    shown = browser.execute_script(
        "const box = document.querySelector('#cases input[type=search]');"
        "box.value = 'googlenet torch'; box.dispatchEvent(new Event('input'));"
        "return document.querySelectorAll('#cases tbody tr:not([hidden])').length;"
    )
    assert shown == 2
    before, after = browser.execute_script(
        "document.querySelector('#cases details').open = true;"
        "const shown = () => [...document.querySelectorAll('#cases thead th')].filter((th) => th.offsetParent).length;"
        "const before = shown(); document.querySelector('#cases input[type=checkbox]').click();"
        "return [before, shown()];"
    )
    assert after > before + 5


def test_the_browser_complains_of_nothing(browser: Any, report: Path) -> None:
    visit(browser, report)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
