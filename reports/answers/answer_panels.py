"""The report's first screen: for each model and mode the answer, bars of its contenders, limit, trust, what is next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from anatomy.bench.errors.printable import without_middle
from anatomy.bench.profiling.keras_difference import ratio_sentence
from anatomy.bench.records.case import NATIVE_BACKENDS, keras_backend
from anatomy.bench.records.caveats import IMPOSSIBLE
from anatomy.bench.records.keras_cost import KerasCost
from anatomy.bench.records.machine_look import busy_sentence, read_looks
from anatomy.bench.records.sureness import median_step, plausible_throughputs, rate_text
from anatomy.bench.records.tuning import read_tuning
from anatomy.reports.answers.answer_words import RULE, answer_sentence, race_name, untried
from anatomy.reports.answers.backend_race import Contender, Race, run_races
from anatomy.reports.flops_utilisation import NOT_MEASURED, Utilisation
from anatomy.reports.gpu_peaks import dense_peak
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.step_bound import StepBound, step_bound
from anatomy.reports.table import MEBI
from anatomy.reports.tables.change_table import changes_of_cases, compared_pairs
from anatomy.reports.tables.keras_cost_table import keras_costs
from anatomy.reports.tables.utilisation_table import utilisations

# A choice of more is no choice.
MOST_PANELS = 60
# Bars end at this many times the highest throughput at most; an interval that reaches farther is cut.
MOST_BEYOND = 1.5
# Of a model's text, so many letters are in a list that has room for 40 on a phone.
LONGEST_CHOICE = 24
# Keras backends whose framework is measured without Keras too.
NATIVE_OF = frozenset(keras_backend(native) for native in NATIVE_BACKENDS if native != "onnxruntime")


@dataclass(frozen=True)
class Bar:
    """One contender as a row of the panel.

    Attributes:
        length: of the bar, in per cent of the scale, which ends at the highest plausible throughput.
        low: where what is plausible begins, on that scale.
        high: where it ends.
        cut: whether the interval reaches beyond the scale.
        weak: why the figure is weak; empty of a sound one.
        address: of the case's page; empty where it has none.
    """

    name: str
    length: float
    low: float
    high: float
    cut: bool
    rate: str
    ratio: str
    step: str
    memory: str
    weak: str
    address: str


@dataclass(frozen=True)
class Heat:
    """The bars of one race, with its answer."""

    caption: str
    sentence: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Facet:
    """One thing that is known beside the answer, the command that says more, the rule, and the part of the page."""

    said: str
    command: str = ""
    rule: str = ""
    link: str = ""


@dataclass(frozen=True)
class Panel:
    """The answer for one model and mode.

    Attributes:
        title: model and mode, with the run where there are several.
        choice: the same in few letters, for a list to choose from.
        run: number and label of the run; empty of one run.
        heats: one for each precision of products, that of the most contenders first.
        facets: unlike settings, limit, trust, change, what Keras costs and what was not tried, by name.
    """

    title: str
    choice: str
    run: str
    heats: tuple[Heat, ...]
    facets: dict[str, Facet]


def answer_panels(runs: Sequence[LabelledRun]) -> tuple[Panel, ...]:
    """A panel for each model and mode of each run; none where nothing was timed, or a search has found the best.

    Of more than `MOST_PANELS` the first ones.
    """
    panels: list[Panel] = []
    for item in runs:
        shown = dict(islice(item.once(_races_by_name).items(), MOST_PANELS - len(panels)))
        panels += _of_run(item, shown, runs)
    return tuple(panels)


def more_answers(runs: Sequence[LabelledRun]) -> str:
    """How many models and modes have no panel; empty where all have one."""
    left_out = sum(len(item.once(_races_by_name)) for item in runs) - MOST_PANELS
    return f"{left_out:,} more models and modes are in the table of the fastest." if left_out > 0 else ""


def _races_by_name(item: LabelledRun) -> dict[str, list[Race]]:
    by_name: dict[str, list[Race]] = {}
    if read_tuning(item.run.path) is not None:
        return by_name
    for race in item.once(run_races):
        by_name.setdefault(race_name(race), []).append(race)
    return by_name


def _of_run(item: LabelledRun, by_name: Mapping[str, Sequence[Race]], runs: Sequence[LabelledRun]) -> list[Panel]:
    uses = {record.key: use for record, use in item.once(utilisations, dense_peak)}
    costs = keras_costs(item)
    busy = busy_sentence(read_looks(item.run.path))
    changes = changes_of_cases(runs, item)
    number = f"run {runs.index(item) + 1}" if len(runs) > 1 else ""
    panels = []
    for name, found in by_name.items():
        ordered = sorted(found, key=lambda race: -len(race.contenders))
        leader = ordered[0].leader
        use = uses.get(leader.record.key)
        facets = _unlike(ordered) | {
            "Limit": _limit(ordered[0], use, step_bound(use, item.profile(leader.record))),
            "Trust": _trust(leader, use, busy),
            "Change": _change(ordered[0], changes, runs),
            **_over_framework(ordered[0], costs),
            "Not tried": _not_tried(ordered[0]),
        }
        panels.append(
            Panel(
                f"{item.label}: {name}" if number else name,
                _choice(ordered[0], number),
                f"{number.capitalize()} of {len(runs)}: {item.label}" if number else "",
                tuple(_heat(race, item, _scale(ordered)) for race in ordered),
                facets,
            )
        )
    return panels


def _choice(race: Race, number: str) -> str:
    """`unet:dept…4x64x1 infer, run 2`: what tells it from others stands at both ends of the model's text."""
    model = without_middle(race.model, LONGEST_CHOICE)
    return ", ".join(filter(None, (f"{model} {race.mode}", race.variant, number)))


def _heat(race: Race, item: LabelledRun, scale: float) -> Heat:
    size = "" if race.parameters is None else f", {race.parameters:,} parameters"
    batches = {record.case.batch_size for record in race.cases}
    tried = f"batch {min(batches):,} alone was tried" if len(batches) == 1 else "each backend at its fastest batch size"
    caption = f"{race.precision}{size}; {tried}"
    return Heat(caption, answer_sentence(race), tuple(_bar(entry, race, item, scale) for entry in race.contenders))


def _scale(found: Sequence[Race]) -> float:
    """Where all bars of a panel end, in examples/s: a wide interval must not flatten them."""
    contenders = [entry for race in found for entry in race.contenders]
    return min(
        max(plausible_throughputs(entry.record)[1] for entry in contenders),
        MOST_BEYOND * max(entry.rate for entry in contenders),
    )


def _bar(entry: Contender, race: Race, item: LabelledRun, scale: float) -> Bar:
    record, memory = entry.record, entry.record.peak_host_above_base_bytes
    size = record.case.batch_size
    low, high = plausible_throughputs(record)
    ratio, step = entry.over(race.leader), median_step(record)
    return Bar(
        name=entry.name if size == race.leader.record.case.batch_size else f"{entry.name}, batch {size:,}",
        length=100 * entry.rate / scale,
        low=100 * low / scale,
        high=min(100.0, 100 * high / scale),
        cut=high > scale * (1 + 1e-9),
        rate=rate_text(record, entry.weaknesses, compact=True),
        ratio=ratio.number(most=3) if entry is race.leader else ratio.about(ratio.number(most=2)),
        step="–" if step.value is None else f"{step.about(step.number(1e3))} ms",
        memory="–" if memory is None else f"{memory / MEBI:,.0f} MiB",
        weak="; ".join(one.meaning for one in entry.weaknesses),
        address=page.address if (page := item.page(record)) else "",
    )


def _unlike(found: Sequence[Race]) -> dict[str, Facet]:
    """Settings in effect that differ between the backends of a race."""
    said = [text for race in found for text in race.unlike.values()]
    return {"Unlike settings": Facet("; ".join(said))} if said else {}


def _limit(race: Race, use: Utilisation | None, bound: StepBound | None) -> Facet:
    """The share of the ceiling, what bounds the step, and the command that tells what is not known of these."""
    share = _share_of_ceiling(race.leader, use)
    bounds = bound.sentence if bound is not None else ""
    if use is not None and use.reason == NOT_MEASURED:
        return Facet(f"{bounds} {share}".lstrip(), "anatomy doctor")
    if race.leader.record.case.devices > 1 or (bound is not None and bound.profiled):
        return Facet(f"{share} {bounds}".rstrip())
    command = f"anatomy profile {_arguments(race, '--backend --batch-size')}"
    return Facet(" ".join(part for part in (share, bounds, "Where the time goes:") if part), command)


def _share_of_ceiling(leader: Contender, use: Utilisation | None) -> str:
    if use is None:
        return "Share of the ceiling not known: no product of this model was counted."
    if use.mfu is None:
        if use.reason == NOT_MEASURED:
            return "Share of the ceiling not known: the ceilings were not measured. For the next run:"
        return f"Share of the ceiling not known: {use.reason}."
    least = "at least " if leader.record.counts is not None and leader.record.counts.uncounted else ""
    ceiling = f"{1e-9 * (use.ceiling_flops_per_s or 0):,.0f} GFLOP/s"
    backend = leader.record.case.backend
    best = f"{least}{100 * use.mfu:.0f} % of the best matrix product through {backend} on this machine, {ceiling}."
    if not use.machine_flops_per_s or use.machine_backend == backend:
        return best
    more = f"{1e-9 * use.machine_flops_per_s:,.0f} GFLOP/s"
    return f"{best} The machine's own limit is higher: {use.machine_backend} reached {more}."


def _trust(leader: Contender, use: Utilisation | None, busy: str) -> Facet:
    found = [one.meaning for one in leader.weaknesses]
    if use is not None and use.mfu is not None and use.mfu > 1:
        found.append(IMPOSSIBLE.meaning)
    if busy:
        found.append(f"the machine was {busy}")
    if found:
        return Facet(f"C, weak: {'; '.join(found)}.", rule=RULE)
    record = leader.record
    steps = "steps settled" if record.series is not None else "whole epochs, which are not classed"
    if record.others_cores is None:
        steps += "; what other processes used meanwhile was not recorded"
    if (number := len(record.process_throughputs)) > 1:
        return Facet(f"A, sound: {steps}; interval between {number} processes.", rule=RULE)
    return Facet(f"B, sound: {steps}; of one process. The next one may differ:", "--processes 5", RULE)


def _change(race: Race, changes: Mapping[str, str], runs: Sequence[LabelledRun]) -> Facet:
    """How each contender did beside the first run of this machine, or the command that compares."""
    said = [f"{entry.name} {changes[entry.record.key]}" for entry in race.contenders if entry.record.key in changes]
    if said:
        return Facet(f"{'; '.join(said)}.", link="changes")
    if len(runs) > 1:
        return Facet("this run is the first of its machine and software.", link="changes" * bool(compared_pairs(runs)))
    return Facet(
        "not compared. With an earlier commit:",
        f"anatomy gate {_arguments(race, '--backend --batch-size')} --against REVISION",
    )


def _over_framework(race: Race, costs: Sequence[KerasCost]) -> dict[str, Facet]:
    """What Keras takes over the frameworks by themselves, of those that were measured, or the command that tells."""
    frameworks = [entry.record.case.backend for entry in race.contenders if entry.record.case.backend in NATIVE_OF]
    if race.mode not in ("train", "infer") or not frameworks:
        return {}
    keys = {entry.record.key for entry in race.contenders}
    # Without pairs of processes the two were measured at different times: the table has those.
    found = [cost for cost in costs if cost.keras.key in keys and cost.effects]
    if found:
        return {"Over the framework": Facet("; ".join(f"{c.keras.backend}: {ratio_sentence(c)}" for c in found) + ".")}
    case = race.leader.record.case
    if case.devices > 1:
        return {"Over the framework": Facet("what Keras costs was not measured.")}
    of_leader = f"{_arguments(race, '--batch-size')} --frameworks {','.join(dict.fromkeys(frameworks))}"
    return {
        "Over the framework": Facet("what Keras costs was not measured:", f"anatomy compare-frameworks {of_leader}")
    }


def _not_tried(race: Race) -> Facet:
    options = untried(race)
    if not options:
        return Facet("batch sizes, precisions and backends were varied.")
    command = f"anatomy run {_arguments(race)} {' '.join(option for _, option in options)}"
    return Facet(f"{', '.join(what for what, _ in options)}.", command)


def _arguments(race: Race, own: str = "") -> str:
    """The model and the options that its case needs, with those of the leader's that are named in `own`."""
    case = race.leader.record.case
    found = [shlex.quote(race.model), f"--mode {case.mode}"]
    found += [f"--input {shlex.quote(f'{path}={said}' if path else said)}" for path, said in case.inputs.items()]
    found += [f"--feed {case.feed}"] if case.feed != "numpy" else []
    found += [f"--source {shlex.quote(case.source)}"] if case.source else []
    found += [f"--devices {case.devices}"] if case.devices > 1 else []
    found += [f"--jit {case.jit}"] if case.jit != "auto" else []
    found += [f"--backend {case.backend}"] if "--backend" in own else []
    found += [f"--batch-size {case.batch_size}"] if "--batch-size" in own else []
    return " ".join(found)
