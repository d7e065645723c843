import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports import write_report
from anatomy.reports.answers.answer_panels import answer_panels
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import all_tables

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]
VOID = {"meta", "link", "br", "wbr", "input", "img"}
MOST_BYTES = 1_000_000


class Page(HTMLParser):
    """What a reader and a browser find: tags, attributes and visible text; fails on unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"unbalanced </{tag}>"

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open and self.open[-1] not in ("script", "style"):
            self.texts.append((self.open[-1], data.strip()))


@pytest.fixture(scope="module")
def page(big_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Page:
    (path,) = write_report([big_run.path], out=tmp_path_factory.mktemp("report"))
    return Page(path.read_text())


@pytest.mark.long
def test_tags_are_balanced(page: Page) -> None:
    assert page.open == []


@pytest.mark.long
def test_no_missing_value_leaks(page: Page) -> None:
    words = {word for _, text in page.texts for word in re.findall(r"[\w<>]+", text)}
    assert not words & {"nan", "NaN", "None", "inf", "NA", "undefined"}


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for tag, attributes in page.tags:
        assert "src" not in attributes, tag
        if tag == "link":
            assert attributes["href"] == "data:,"


def test_hostile_names_are_text(page: Page) -> None:
    scripts = Counter(tag for tag, _ in page.tags)
    assert scripts["script"] == 1
    assert scripts["img"] == 0
    assert scripts["b"] == 0
    assert any("<script>" in text for _, text in page.texts)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_every_chart_is_on_the_page(page: Page) -> None:
    assert sum(attributes.get("class") == "drawing" for _, attributes in page.tags) == 10


@pytest.mark.long
def test_the_page_is_small(big_run: Run, tmp_path: Path) -> None:
    (path,) = write_report([big_run.path], out=tmp_path, pages=False)
    assert path.stat().st_size < MOST_BYTES


def test_every_table_has_a_caption_and_scoped_heads(page: Page, big_run: Run) -> None:
    tags = [tag for tag, _ in page.tags]
    heats = sum(len(panel.heats) for panel in answer_panels(label_runs([big_run])))
    assert heats > 5
    assert tags.count("caption") == tags.count("table") == 16 + heats
    assert all(attributes.get("scope") in ("col", "colgroup", "row") for tag, attributes in page.tags if tag == "th")


def test_links_within_the_page_lead_somewhere(page: Page) -> None:
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {a["href"] or "" for tag, a in page.tags if tag == "a" and (a["href"] or "").startswith("#")}
    assert links
    assert {link[1:] for link in links} <= ids


def test_an_empty_run_has_a_report_without_charts(run: MakeRun) -> None:
    (path,) = write_report([run([]).path])
    page = Page(path.read_text())
    assert not any(attributes.get("class") == "drawing" for _, attributes in page.tags)
    assert any(text == "No model was measured." for _, text in page.texts)


@pytest.mark.long
def test_unlike_runs_warn(record: MakeRecord, run: MakeRun, tmp_path: Path) -> None:
    a = run([record(case={"mode": "train", "backend": "jax"})], "a", identifier="one")
    b = run([record(case={"mode": "train", "backend": "jax"})], "b", identifier="two", cpu="Other")
    (path,) = write_report([a.path, b.path], out=tmp_path / "both")
    texts = [text for _, text in Page(path.read_text()).texts]
    assert any("not merged" in text for text in texts)
    assert {"one", "two"} <= set(texts)


@pytest.mark.long
def test_every_table_is_on_the_page_and_in_its_contents(big_run: Run, tmp_path: Path) -> None:
    (path,) = write_report([big_run.path], ["html"], tmp_path)
    page = Page(path.read_text())
    places = {attributes.get("id") for _, attributes in page.tags}
    links = {attributes.get("href") for tag, attributes in page.tags if tag == "a"}
    for table in all_tables(label_runs([big_run])):
        # What has no row has no section, and no entry in the contents.
        assert (table.key in places) == (not table.frame.empty)
        assert (f"#{table.key}" in links) == (not table.frame.empty)
