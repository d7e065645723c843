"""The chart of speed over memory of a tuning."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from anatomy.bench.records.run_store import Run
from anatomy.bench.records.tuning import Contender, Goal, GoalName, Standing, Tuning, write_tuning
from anatomy.reports import write_report
from anatomy.reports.memory_front import front_charts
from anatomy.reports.run_labels import label_runs
from tests.factories import make_record
from tests.reports.drawn import axes_of, marks, written, x_of, y_of

MakeRun = Callable[..., Run]
MIB = 2**20
# Batch size → examples/s and MiB: 16 is slower than 8 and takes more.
TRIED = {4: (100.0, 10), 8: (150.0, 20), 16: (140.0, 40), 32: (300.0, 80)}


@pytest.fixture
def tuned(run: MakeRun) -> Callable[..., Run]:
    """A run with a tuning of `TRIED`, the largest batch its winner and the smallest the default."""

    def make(goal: GoalName = "throughput", **standings: Standing) -> Run:
        records = [make_record("<b>&net.py:build", case={"batch_size": size}) for size in TRIED]
        made = run(records)
        contenders = [
            Contender(
                case=record.case,
                standing=standings.get(f"b{size}", "winner" if size == 32 else "dropped"),
                brief=figure,
                memory_bytes=memory * MIB,
            )
            for record, (size, (figure, memory)) in zip(records, TRIED.items(), strict=True)
        ]
        tuning = Tuning(goal=Goal(name=goal), default=records[0].case, tolerance=0.03, contenders=contenders)
        write_tuning(made.path, tuning)
        return made

    return make


def test_what_no_other_beats_is_on_the_line(tuned: Callable[..., Run]) -> None:
    (chart,) = front_charts(label_runs([tuned()]))
    line = next(line for line in axes_of(chart).lines if line.get_marker() in ("None", ""))
    assert list(zip(x_of(line), y_of(line), strict=True)) == [(10, 100), (20, 150), (80, 300)]
    assert [text for text in written(chart) if text.isdigit()] == ["4", "8", "32"]
    # All that were tried; then the ring and the cross.
    assert marks(chart) == [(10, 100), (20, 150), (40, 140), (80, 300), (80, 300), (10, 100)]


def test_what_is_out_is_not_drawn(tuned: Callable[..., Run]) -> None:
    (chart,) = front_charts(label_runs([tuned(b8="out")]))
    assert (20, 150) not in marks(chart)
    assert "The cross is" in chart.caption


def test_a_default_that_is_out_is_not_promised(tuned: Callable[..., Run]) -> None:
    (chart,) = front_charts(label_runs([tuned(b4="out")]))
    assert "The cross is" not in chart.caption
    assert "The ring is" in chart.caption


def test_where_memory_is_the_goal_there_is_nothing_to_set_against_it(tuned: Callable[..., Run]) -> None:
    assert front_charts(label_runs([tuned("memory")])) == ()


def test_a_run_without_a_tuning_has_none(run: MakeRun) -> None:
    assert front_charts(label_runs([run([make_record()])])) == ()


@pytest.mark.long
def test_each_point_leads_to_its_case(tuned: Callable[..., Run], tmp_path: Path) -> None:
    made = tuned()
    write_report([made.path], ("html",), tmp_path)
    page = (tmp_path / "report.html").read_text()
    drawing = page[page.index('id="chart-front-0"') :]
    drawing = drawing[: drawing.index("</figure>")]
    links = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)">', drawing)
    assert len(links) == len(TRIED)
    assert all((tmp_path / address).is_file() for address, _ in links)
    assert {name.rpartition(" ")[2] for _, name in links} == set(map(str, TRIED))
    # A drawing with links is no image to a screen reader.
    assert 'role="group"' in drawing
    assert "<b>" not in drawing


@pytest.mark.long
def test_without_pages_there_are_no_links(tuned: Callable[..., Run], tmp_path: Path) -> None:
    write_report([tuned().path], ("html",), tmp_path, pages=False)
    page = (tmp_path / "report.html").read_text()
    assert 'id="chart-front-0"' in page
    assert "leads to its case" not in page
