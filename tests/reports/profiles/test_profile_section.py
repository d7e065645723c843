"""The report of a run with profiles, as HTML, Markdown and CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case_profile import PROFILES_FILE, append_profile
from anatomy.bench.records.run_store import Run
from anatomy.reports import write_report
from anatomy.reports.profiles import profile_section
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import all_tables
from tests.factories import nested_profile
from tests.reports.profiles.conftest import profiled_run
from tests.reports.test_report_page import Page


@pytest.fixture(scope="module")
def text(profiled: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    (path,) = write_report([profiled.path], out=tmp_path_factory.mktemp("report"))
    return path.read_text()


@pytest.mark.long
def test_the_section_is_there_for_profiles_alone(text: str, tmp_path: Path) -> None:
    assert 'id="profiles"' in text
    (path,) = write_report([profiled_run(tmp_path / "none").path])
    assert 'id="profiles"' not in path.read_text()
    assert 'href="#profiles"' not in path.read_text()


def test_each_case_is_folded_but_the_first(text: str) -> None:
    details = [attributes for _, attributes in Page(text).tags if attributes.get("class") == "profile"]
    assert ["open" in attributes for attributes in details] == [True, False, False]


def test_a_failed_case_shows_its_reason_as_text(text: str) -> None:
    page = Page(text)
    assert any("MemoryError: <b>too</b> much" in words for _, words in page.texts)
    assert not {"b", "img"} & {tag for tag, _ in page.tags}


@pytest.mark.long
def test_tables_are_on_the_page_and_links_lead_to_them(text: str, profiled: Run) -> None:
    page = Page(text)
    places = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(places) == len(set(places))
    assert {table.key for table in all_tables(label_runs([profiled])) if not table.frame.empty} <= set(places)
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert "#profiles" in links
    charts = sum((attributes.get("id") or "").startswith("chart-profile-") for _, attributes in page.tags)
    assert charts == 1 + 2
    assert sum(attributes.get("class") == "tree" for _, attributes in page.tags) == 2


def test_what_was_not_measured_and_the_trace_are_said(text: str) -> None:
    words = " ".join(words for _, words in Page(text).texts)
    assert "Not measured: host: the step is launched as a whole" in words
    assert "Unattributed: copy (data movement, 0.5 ms)" in words
    assert "tensorboard/plugins/profile" in words
    assert "nan" not in words.lower().split()


@pytest.mark.long
def test_markdown_and_csv_have_the_tables(profiled: Run, tmp_path: Path) -> None:
    markdown, *tables = write_report([profiled.path], ["md", "csv"], tmp_path)
    assert "## Time by layer" in markdown.read_text()
    assert "<script>" not in markdown.read_text().replace("\\<script\\>", "")
    assert {"gaps.csv", "kinds.csv", "layers.csv"} <= {path.name for path in tables}
    frame = pd.read_csv(tmp_path / "layers.csv")
    assert frame.groupby("case")["time_s"].sum().tolist() == pytest.approx([nested_profile().device_time] * 2)


@pytest.mark.long
def test_the_last_profile_of_a_case_counts(tmp_path: Path) -> None:
    run = profiled_run(tmp_path / "run", nested_profile(blocks=2), nested_profile(blocks=5))
    section = profile_section(label_runs([run]))
    assert section is not None
    assert len(section.cases) == 1
    assert "stage3/block5" in str(section.cases[0].layers)


@pytest.mark.long
def test_several_runs_have_cases_of_their_own(tmp_path: Path) -> None:
    one, two = (profiled_run(tmp_path / name, nested_profile(), identifier=name) for name in ("one", "two"))
    section = profile_section(label_runs([one, two]))
    assert section is not None
    assert [case.name for case in section.cases] == ["mlp train jax b8 (one)", "mlp train jax b8 (two)"]
    assert len({chart.key for case in section.cases for chart in case.charts}) == 2


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    run = profiled_run(tmp_path / "run", nested_profile())
    with (run.path / PROFILES_FILE).open("a") as file:
        file.write('{"schema_version": 1, "cas\n')
    append_profile(run.path, nested_profile("torch"))
    with pytest.raises(UsageError, match=r"profiles\.jsonl, line 2 is not a profile"):
        write_report([run.path], ["md"], tmp_path)
