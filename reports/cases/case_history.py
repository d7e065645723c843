"""What the history has of a run's cases on its machine: their steps in earlier and later runs."""

from __future__ import annotations

import os
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.history.keep_run import OFF
from anatomy.bench.history.trends import Trend, trend
from anatomy.reports.chart import Chart
from anatomy.reports.history.trend_chart import trend_chart
from anatomy.reports.history.trend_words import trend_sentences
from anatomy.reports.run_labels import LabelledRun

# One point says nothing over time.
FEWEST_POINTS = 2


def case_histories(item: LabelledRun) -> dict[str, Trend]:
    """Key of a case → its median step over the runs of this machine; empty without a history that can be read."""
    from anatomy.bench.history.history_store import VARIABLE, History, default_url, file_of

    url = default_url()
    # A page that is only read makes no history.
    if os.environ.get(VARIABLE) == OFF or ((file := file_of(url)) is not None and not Path(file).is_file()):
        return {}
    keys = [record.key for record in item.run.records if record.case.mode not in ("count", "stage")]
    try:
        with History(url) as history:
            points = history.points_of(keys, item.run.header.environment.fingerprint)
    except (UsageError, OSError):
        return {}
    found = {key: trend(held, "step_s") for key, held in points.items() if len(held) >= FEWEST_POINTS}
    return {key: one for key, one in found.items() if one is not None}


def history_chart(found: Trend) -> Chart:
    """Draw the median step over the runs, with the changes of level in words."""
    drawn = trend_chart(found, "history")
    caption = f"{drawn.caption} of this machine in the history: {'; '.join(trend_sentences(found))}."
    return Chart("history", "In other runs", caption, drawn.figure)
