"""Large runs: what is read and made once, what a page shows of long tables, and where the whole tables are."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from anatomy.bench.records import compact_records, jsonl, read_records
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run, load_run
from anatomy.reports import report_charts, shortened_tables, table_files, write_report
from anatomy.reports.answers import answer_panels, backend_race
from anatomy.reports.report_page import render_html
from anatomy.reports.run_labels import label_runs
from anatomy.reports.shortened_tables import short_table
from anatomy.reports.table import Column, build_table
from anatomy.reports.tables import case_table, iterate_tables
from tests.factories import make_record, make_run

BACKENDS = ("jax", "torch", "tensorflow")


def many_records(sizes: Sequence[int] = (1, 2, 4, 8)) -> list[Record]:
    """Three models on three backends at several batch sizes; torch fails at the smallest."""
    return [
        make_record(
            model,
            speed=100.0 * size + number + place,
            outcome="oom" if backend == "torch" and size == sizes[0] else "ok",
            case={"backend": backend, "batch_size": size, "mode": "train"},
        )
        for place, model in enumerate(("mlp", "lstm", "vgg:depth=11"))
        for number, backend in enumerate(BACKENDS)
        for size in sizes
    ]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that hold little, so that a short run is too long for them."""
    for module, name, most in (
        (shortened_tables, "MOST_ROWS", 9),
        (shortened_tables, "_FASTEST", 3),
        (shortened_tables, "_WEAKEST", 3),
        (shortened_tables, "_FAILED", 3),
        (report_charts, "MOST_DRAWN", 10),
        (report_charts, "MOST_RACES", 1),
        (answer_panels, "MOST_PANELS", 2),
    ):
        monkeypatch.setattr(module, name, most)


def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the JSON objects that are decoded, by what they are."""
    found: Counter[str] = Counter()
    whole = jsonl.read_model

    def counted(text: bytes, model: type[Any], *given: Any, **named: Any) -> Any:
        found[model.__name__] += 1
        return whole(text, model, *given, **named)

    monkeypatch.setattr(jsonl, "read_model", counted)
    return found


@pytest.mark.long
@pytest.mark.parametrize("number", [4, 12])
def test_each_record_is_decoded_once_and_each_race_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    made = make_run(tmp_path / "run", many_records()[:number])
    read = decoded(monkeypatch)
    raced: Counter[str] = Counter()
    whole = backend_race.races
    monkeypatch.setattr(backend_race, "races", lambda *given: (raced.update(["races"]), whole(*given))[1])
    write_report([made.path], ["csv"], tmp_path / "out")
    assert read["Record"] == number
    assert raced == {"races": 1}


def test_reasons_are_found_for_shown_rows_alone() -> None:
    asked: list[int] = []
    table = build_table(
        (Column("number", "number", kind="number"),),
        range(100_000),
        lambda number: {"number": None},
        absence=lambda number, key: asked.append(number),  # type: ignore[func-returns-value]
        key="numbers",
        title="Numbers",
        caption="",
    )
    assert asked == []
    assert [table.with_rows([7, 99_999]).cell(row, table.columns[0]) for row in (0, 1)] == ["not measured"] * 2
    assert asked == [7, 99_999]


@pytest.mark.usefixtures("small_pages")
def test_a_long_table_shows_the_fastest_the_least_known_and_the_failed() -> None:
    records = many_records()
    wide = next(r for r in records if r.case.backend == "jax" and r.case.batch_size == 2)
    rates = [{"steps": 10, "seconds": seconds} for seconds in (0.1, 0.2, 0.4)]
    records[records.index(wide)] = Record.model_validate({**wide.model_dump(), "blocks": rates})
    runs = label_runs([Run(path=Path(), header=_header(records), records=records)])
    short = short_table(case_table(runs), runs)
    assert short.short
    assert (len(short.table.frame), short.rows) == (9, 36)
    shown = {key for _, key in short.table.cases}
    leaders = {race.leader.record.key for race in runs[0].once(backend_race.run_races)}
    failed = {record.key for record in records if record.outcome != "ok"}
    assert leaders | failed | {wide.key} <= shown
    # In the order of the run.
    assert [key for _, key in short.table.cases] == [record.key for record in records if record.key in shown]


def test_a_short_table_is_whole() -> None:
    records = many_records()
    runs = label_runs([Run(path=Path(), header=_header(records), records=records)])
    for table in iterate_tables(runs):
        assert short_table(table, runs).table is table


@pytest.mark.long
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("pyarrow", [True, False])
def test_whole_tables_lie_beside_a_page_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pyarrow: bool
) -> None:
    if pyarrow:
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(table_files, "_installed", lambda package: pyarrow)
    made = make_run(tmp_path / "run", many_records())
    page, *beside = write_report([made.path], out=tmp_path / "out", pages=False)
    text = page.read_text()
    suffix = "parquet" if pyarrow else "csv"
    assert {"cases", "phases", "trust"} <= {path.stem for path in beside}
    for path in beside:
        assert path.suffix == f".{suffix}"
        whole = getattr(pd, f"read_{suffix}")(path)
        assert f"9 of {len(whole):,} rows are shown" in text
        assert f"pandas.read_{suffix}(&#34;{path.name}&#34;)" in text
        section = text.partition(f'<section id="{path.stem}">')[2].partition("</section>")[0]
        assert len(re.findall(r'<th scope="row"', section)) == 9
    assert "1 more models and modes are in the table of the fastest" in text
    assert "Charts are of 1 of 3 comparisons" in text


@pytest.mark.long
@pytest.mark.usefixtures("small_pages")
def test_a_page_without_a_folder_says_how_to_get_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anatomy.reports.report_page.charts", lambda runs: ())
    records = many_records()
    page = render_html(label_runs([Run(path=Path(), header=_header(records), records=records)]))
    assert "9 of 36 rows are shown" in page
    assert "anatomy report RUN --format csv writes all of them" in page


def _header(records: Sequence[Record]) -> Any:
    from tests.factories import make_header

    return make_header(*(record.case for record in records))


def _plain(value: Any) -> Any:
    """A value of a record, whatever holds its numbers."""
    if isinstance(value, array):
        return list(value)
    if isinstance(value, list):
        return [tuple(one.__dict__.values()) if hasattr(one, "__dict__") else _plain(one) for one in value]
    if isinstance(value, compact_records._Blocks):
        return [tuple(one) for one in value]
    if hasattr(value, "__pydantic_fields_set__"):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    return tuple(value) if isinstance(value, tuple) else value


@pytest.fixture(params=[500, 7])
def _batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_records, "BATCH", request.param)


@pytest.mark.usefixtures("_batches")
def test_compact_records_read_as_others(big_run: Run) -> None:
    compact = load_run(big_run.path, compact=True)
    names = [*Record.model_fields, *Record.model_computed_fields]
    for one, other in zip(compact.records, big_run.records, strict=True):
        assert {name: _plain(getattr(one, name)) for name in names} == {
            name: _plain(getattr(other, name)) for name in names
        }
    assert compact.measured == big_run.measured


@pytest.mark.usefixtures("_batches")
def test_equal_parts_are_held_once(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run", many_records())
    compact = load_run(made.path, compact=True)
    assert len({id(record.counts) for record in compact.records}) == 1
    assert len({id(record.versions) for record in compact.records}) == 3
    planned = {id(case) for case in compact.header.planned}
    assert {id(record.case) for record in compact.records} == planned


@pytest.mark.usefixtures("_batches")
@pytest.mark.parametrize(("most", "sampled"), [(0, {False}), (3, {True, False}), (10**6, {True})])
def test_samples_of_the_host_are_left_out_of_many_cases(tmp_path: Path, most: int, sampled: set[bool]) -> None:
    use = HostUse(at_s=[0.1, 0.2], resident_bytes=[1, 2], cpu_s=[0.1, 0.3])
    made = make_run(tmp_path / "run", [record.model_copy(update={"host_use": use}) for record in many_records()])
    compact = load_run(made.path, compact=True, most_sampled=most)
    assert {record.host_use is not None for record in compact.records} == sampled


@pytest.mark.usefixtures("_batches")
def test_a_case_is_taken_from_its_record_whatever_key_the_file_says(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run", many_records()[:2])
    file = made.path / "records.jsonl"
    first, second = file.read_text().splitlines()
    file.write_text(first + "\n" + second.replace('"dtype":"float32"', '"dtype":"mixed_bfloat16"') + "\n")
    for compact in (True, False):
        _, changed = load_run(made.path, compact=compact).records
        assert changed.case.dtype == "mixed_bfloat16"
        assert changed.key != made.records[1].key
