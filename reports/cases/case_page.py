"""`cases/KEY.html`: one case, from its raw steps to its log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anatomy.bench.history.trends import Trend
from anatomy.bench.records.case_profile import Profile
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import SCRIPTS_FOLDER
from anatomy.bench.records.sureness import Figure, median_step, rate_text, throughput
from anatomy.reports.answers.answer_words import trust_word
from anatomy.reports.answers.backend_race import Contender, contender_name, race_model
from anatomy.reports.cases.case_charts import case_charts
from anatomy.reports.cases.case_history import case_histories, history_chart
from anatomy.reports.cases.fact_groups import fact_groups
from anatomy.reports.chart_svg import own_style
from anatomy.reports.deviation import deviations
from anatomy.reports.gpu_peaks import dense_peak
from anatomy.reports.page import render_page, trusted_asset
from anatomy.reports.profiles.colours import COLOURS
from anatomy.reports.profiles.profile_section import ProfiledCase, profiled_case
from anatomy.reports.run_labels import LabelledProfile, LabelledRun

LAST_LINES = 40


@dataclass(frozen=True)
class Elsewhere:
    """The same model in another case; a value is `None` where the text says why there is none."""

    address: str
    name: str
    rate: str
    rate_value: float | None
    ratio: str
    ratio_value: float | None


def case_pages(item: LabelledRun) -> Iterator[tuple[str, str]]:
    """The name of the file and the page of each timed case of a run."""
    profiles = {profile.key: profile for profile in item.profiles}
    models: dict[str, list[Record]] = {}
    for record in item.run.records:
        if record.case.mode not in ("count", "stage"):
            models.setdefault(race_model(record.case), []).append(record)
    past = case_histories(item)
    wrong = {key for key, found in deviations(item.run.records).items() if found.verdict == "deviates"}
    for alike in models.values():
        for record in alike:
            contender = Contender(contender_name(record), record, record.key in wrong)
            yield case_file(record), _render(item, contender, alike, profiles.get(record.key), past.get(record.key))


def case_file(record: Record) -> str:
    """The name of a case's file: keys are digits and letters."""
    return f"{record.key}.html"


def _render(
    item: LabelledRun, contender: Contender, alike: Sequence[Record], profile: Profile | None, past: Trend | None
) -> str:
    record = contender.record
    measured = record.outcome == "ok"
    with own_style():
        charts = (*case_charts(record), *((history_chart(past),) if past else ())) if measured else ()
        profiled = _profiled(item, profile)
    return render_page(
        "case.html",
        title=record.name,
        run=item.label,
        headline=_headline(contender),
        trust=[one.meaning for one in contender.weaknesses] if measured else [],
        charts=charts,
        groups=tuple(fact_groups(item, record, dense_peak)),
        checks=record.checks,
        absent=record.not_measured,
        inputs=record.inputs,
        elsewhere=tuple(_elsewhere(record, alike)),
        profiled=profiled,
        script=f"../{SCRIPTS_FOLDER}/{record.key}.py" if item.script(record) else "",
        command=f"anatomy script {record.key}",
        log=_log_end(item, record),
        log_path=record.log or "",
        colours=COLOURS,
        page_script=trusted_asset("report.js"),
    )


def _headline(contender: Contender) -> str:
    record = contender.record
    if record.outcome != "ok":
        return f"{record.outcome}: {record.reason or 'no reason was given'}"
    median = median_step(record)
    step = "" if median.value is None else f", median step {median.text(1e3)} ms"
    return f"{rate_text(record, contender.weaknesses)} examples/s{step}; {trust_word(contender)}"


def _elsewhere(record: Record, alike: Sequence[Record]) -> Iterator[Elsewhere]:
    """The same model in other modes, on other backends, at other batch sizes and precisions."""
    own = throughput(record)
    for other in alike:
        if other.key == record.key:
            continue
        rate = other.throughput_examples_per_s if other.outcome == "ok" else None
        ratio = throughput(other).over(own) if rate and other.case.mode == record.case.mode else Figure(None)
        why = "–" if other.case.mode == record.case.mode else "another mode"
        yield Elsewhere(
            case_file(other),
            other.name,
            rate_text(other) if rate else other.outcome,
            rate,
            why if ratio.value is None else ratio.about(ratio.number(most=2)),
            ratio.value,
        )


def _profiled(item: LabelledRun, profile: Profile | None) -> ProfiledCase | None:
    return None if profile is None else profiled_case(LabelledProfile(item.label, profile.name, profile), 0)


def _log_end(item: LabelledRun, record: Record) -> str:
    """The last lines of what the worker printed; empty where there is no log."""
    path = (item.run.path / record.log).resolve() if record.log else None
    # A record from elsewhere may name any file: none but the run's own is read.
    if path is None or not path.is_relative_to(item.run.path.resolve()) or not path.is_file():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])
