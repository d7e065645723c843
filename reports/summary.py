"""The report's title and summary: what was measured, what failed, and which backend was fastest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from anatomy.bench.records.application_stages import Accuracy, StageRow, accuracies, stage_rows
from anatomy.bench.records.machine_look import busy_sentence, read_looks
from anatomy.bench.records.run_store import Run
from anatomy.bench.records.tuning import read_tuning
from anatomy.reports.answers.answer_words import (
    answer_sentence,
    score_sentence,
    unlike_sentence,
    weak_sentence,
)
from anatomy.reports.answers.backend_race import Race, run_races
from anatomy.reports.number_words import plural
from anatomy.reports.run_labels import LabelledRun, environment_differences
from anatomy.reports.tables.change_table import change_sentences
from anatomy.reports.tables.input_table import input_sentences
from anatomy.reports.tables.keras_cost_table import cost_sentences
from anatomy.reports.tuning_words import answer_sentences

# Of an application's stages, so many are named.
LONGEST_STAGES = 3
# Models of a mode that are named one by one in the summary.
MOST_ANSWERS = 3


def report_title(runs: Sequence[LabelledRun]) -> str:
    """Return `Anatomy: quick, 2026-01-31T12-00-00Z`, or the number of runs where there are several."""
    if len(runs) == 1:
        return f"Anatomy: {runs[0].run.header.suite}, {runs[0].label}"
    return f"Anatomy: {len(runs)} runs"


def summary_sentences(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """Summarise each run in a few sentences, the same in HTML and Markdown."""
    of_each = [
        sentence if len(runs) == 1 else f"{item.label}: {sentence}" for item in runs for sentence in _sentences(item)
    ]
    return (*change_sentences(runs), *of_each)


def comparison_warnings(runs: Sequence[LabelledRun]) -> tuple[str, ...]:
    """Say why the runs of this report must not be compared; empty where they may be."""
    found = environment_differences(runs)
    if not found:
        return ()
    return (
        "These runs were made on unlike machines or with unlike software (their fingerprints differ), so they are not "
        "merged: every row belongs to one run, relative speeds are taken within a run, and absolute times must not be "
        "compared across runs. What differs:",
        *found,
    )


def _sentences(item: LabelledRun) -> list[str]:
    run = item.run
    tuning = read_tuning(run.path)
    if tuning is None:
        return _of_records(item)
    # Means over cases say nothing of one model's settings, of which the best were measured in several processes.
    tried = sum(record.outcome == "ok" for record in run.records)
    return [*answer_sentences(tuning), f"{tried} of {plural(len(run.records), 'setting')} could be measured."]


def _of_records(item: LabelledRun) -> list[str]:
    run = item.run
    timed = [record for record in run.records if record.case.mode not in ("count", "stage")]
    counted = [record for record in run.records if record.case.mode == "count"]
    failed = Counter(record.outcome for record in run.records if record.outcome != "ok")
    measured = sum(record.outcome == "ok" for record in timed)
    sizes = f" and {sum(r.outcome == 'ok' for r in counted)} of {plural(len(counted), 'model')} counted"
    stages = _stages(run)
    costs = cost_sentences(run)
    if (stages or costs) and not timed and not counted:
        return [*costs, *stages, *_unfinished(run)]
    sentences = [
        *stages,
        f"{measured} of {plural(len(timed), 'timed case')} {'was' if len(timed) == 1 else 'were'} measured"
        + (sizes if counted else "")
        + (f"; without a result: {', '.join(f'{n} {what}' for what, n in failed.items())}." if failed else "."),
    ]
    sentences += _unfinished(run)
    sentences += costs
    sentences += input_sentences(run.records)
    found = item.once(run_races)
    sentences += _answers(found)
    if unlike := unlike_sentence(found):
        sentences.append(unlike)
    if busy := busy_sentence(read_looks(run.path)):
        sentences.append(f"The machine was {busy}; figures may be slower than they are on a quiet one.")
    if weak := weak_sentence(found):
        sentences.append(f"{weak}: the table of trust says why.")
    if measured and int(run.header.settings.get("processes") or 1) == 1:
        sentences.append(
            "Each case was measured in one process: its interval says nothing of the next process, which can differ by "
            "much more (anatomy run --processes 5 gives intervals between processes)."
        )
    return sentences


def _unfinished(run: Run) -> list[str]:
    unfinished = {case.key for case, _ in run.remaining}
    if not unfinished:
        return []
    planned = len(run.header.planned)
    return [
        f"The run is not finished: {len(unfinished)} of {plural(planned, 'planned case')} "
        f"{'has' if planned == 1 else 'have'} no record (anatomy {run.header.resumed_by} --resume {run.path.name} does "
        "the rest)."
    ]


def _stages(run: Run) -> list[str]:
    """A sentence for each application and backend: what it took, where the time went, how many texts were right."""
    found = accuracies(run.records)
    sentences = []
    for (application, backend), group in groupby(
        stage_rows(run.records), lambda row: (row.application, row.record.case.backend)
    ):
        rows = list(group)
        if rows[0].record.case.model == "lifecycle":
            sentences.append(f"{application}, on {backend}: {_life(rows)}.")
            continue
        failed = next((row for row in rows if row.record.outcome != "ok"), None)
        if failed is not None:
            sentences.append(f"{application}, on {backend}: {failed.stage} ended with: {failed.record.reason}.")
            continue
        longest = sorted(rows, key=lambda row: row.share or 0.0, reverse=True)[:LONGEST_STAGES]
        shares = ", ".join(f"{row.stage} {100 * row.share:.0f} %" for row in longest if row.share is not None)
        seconds = sum(row.record.step_median_s or 0.0 for row in rows)
        own = [one for one in found if (one.application, one.backend) == (application, backend)]
        sentences.append(
            f"{application}, on {backend}: {seconds:,.1f} s from files to predictions, most of it in {shares}."
            + (f" {_right(own[-1])}" if own else "")
        )
    return sentences


def _life(rows: Sequence[StageRow]) -> str:
    """What each exported model did beside Keras's own, and what could not be done."""
    done: list[str] = []
    not_done: list[str] = []
    for row in rows:
        record = row.record
        if record.outcome != "ok":
            # What was not exported can be neither loaded nor used.
            step, _, name = row.stage.partition(" ")
            if step not in ("load", "infer") or not {f"export {name}", f"load {name}"} & set(not_done):
                not_done.append(row.stage)
        elif row.stage.startswith("infer") and record.stage and record.stage.beside_s and record.step_median_s:
            done.append(f"{row.stage.removeprefix('infer ')} {record.stage.beside_s / record.step_median_s:.2f} ×")
    said = f"beside Keras's predict_on_batch, {', '.join(done)}" if done else "no exported model was used"
    return said + (f"; without a result: {', '.join(not_done)} (reasons in the table)" if not_done else "")


def _right(last: Accuracy) -> str:
    low, high = last.interval or (None, None)
    interval = (
        "" if low is None or high is None else f" (95 %: {100 * low:.1f} to {100 * high:.1f} %, {last.processes} seeds)"
    )
    return f"Of the texts kept for validation, {100 * last.mean:.1f} % were classified right at the end{interval}."


def _answers(found: Sequence[Race]) -> list[str]:
    """For each mode a sentence for each model, or of many models who won how often."""
    sentences = []
    for mode in dict.fromkeys(race.mode for race in found):
        own = [race for race in found if race.mode == mode]
        score = score_sentence(own)
        if len(own) <= MOST_ANSWERS:
            sentences += [answer_sentence(race) for race in own]
        else:
            sentences.append(f"Fastest backend, {mode}: {score} (model by model below).")
    return sentences
