"""The talk's comparison of frameworks: its seven rows, beside today's backends from measurements."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean

from anatomy.bench.records.case import KERAS_BACKENDS, NATIVE_BACKENDS, Backend, Mode
from anatomy.bench.records.record import Record
from anatomy.models.frameworks import BACKEND_FACTS, SLIDE_ROWS
from anatomy.reports.number_words import plural
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.settings_differences import differing_settings, key_without_backend
from anatomy.reports.speed import RelativeSpeed, ratio_text
from anatomy.reports.table import NOT_MEASURED, Column, Table, build_table
from anatomy.reports.tables.model_table import TIMED
from anatomy.reports.tables.speed_table import ALL, Compared, compared, left_out, names_of, of_kind, tried_in

SLIDES = "as on the slides"
FAST, MIDDLING = 0.8, 0.4
SCALES_WELL, SCALES = 0.8, 0.5

_COLUMNS = (
    Column("source", "source"),
    Column("framework", "framework"),
    Column("languages", "languages"),
    Column("tutorials", "tutorials and training materials", kind="mark"),
    Column("cnn", "CNN modeling capability", kind="mark"),
    Column("rnn", "RNN modeling capability", kind="mark"),
    Column("front_end", "architecture: easy-to-use and modular front end", kind="mark"),
    Column("speed", "speed", kind="mark"),
    Column("multi_gpu", "multiple GPU support", kind="mark"),
    Column("keras", "Keras compatible", kind="mark"),
    Column("became", "what became of it, or where it comes from"),
)

NOTES = (
    "Rows of the slides are reproduced as they were; an empty cell there is shown as –. Nothing in them was measured "
    "here, and their marks and those of today's rows follow different rules: compare within a part, not across.",
    "Languages: the run was driven from Python; what else a project documents is quoted, not measured.",
    "Tutorials; front end: not measured.",
    "CNN and RNN capability: one + for each of build, infer and train that every CNN (RNN) tried in that way on this "
    "backend managed; the fractions count the cases. Built means that the model was built, whatever came "
    "after. The relative speed is that on the CNNs (RNNs), by the rule of speed.",
    "Speed: in each mode the geometric mean of throughputs over the cases that all compared backends ran, relative to "
    "the fastest (1.00), with its 95 % interval over the models from three cases on; the number of those cases is "
    "printed, and how many of them set unlike settings side by side. Backends are compared where products are computed "
    "in the same precision, which is named where it is not float32. "
    f"+++ from {FAST}, ++ from {MIDDLING}, + below, for the geometric mean of the modes measured; no mark where the "
    "speeds are too close (the interval holds 1), or the interval spans several marks.",
    f"Multiple GPU support: + when a case ran on more than one GPU; ++ when its throughput was at least {SCALES:.0%} "
    f"of that of as many single GPUs (same total batch, model and settings), +++ from {SCALES_WELL:.0%}; else not "
    "measured.",
    "Today's frameworks stand first by themselves, where a run has measured them (--backend native-torch, …): the "
    "models translated to the framework's own layers, with the same weights. The rows of Keras on a framework are not "
    "the framework's speed. OpenVINO has no layers of its own to write a network in.",
    "Keras compatible: + when at least one case of the run was measured through Keras; the versions are those found.",
)


def framework_table(runs: Sequence[LabelledRun]) -> Table:
    """The seven rows of the slides, then a row for each backend of each run."""
    rows = [{"source": SLIDES, **{k: v or "–" for k, v in row._asdict().items()}} for row in SLIDE_ROWS]
    for item in runs:
        source = "measured in this run" if len(runs) == 1 else f"measured in {item.label}"
        rows += [{"source": source, **_today(backend, item)} for backend in _shown(item.run.records)]
    return build_table(
        _COLUMNS,
        rows,
        dict,
        key="frameworks",
        title="Framework comparison",
        caption="The talk's table of frameworks, beside today's frameworks with the same columns.",
        notes=(*NOTES, *left_out(runs)),
        section="source",
    )


def _shown(records: Sequence[Record]) -> list[Backend]:
    """The frameworks that were measured by themselves, and every Keras backend."""
    measured = {record.case.backend for record in records}
    return [*(backend for backend in NATIVE_BACKENDS if backend in measured), *KERAS_BACKENDS]


def _today(backend: Backend, item: LabelledRun) -> dict[str, str]:
    facts, records = BACKEND_FACTS[backend], item.run.records
    return {
        "framework": facts.title if backend in NATIVE_BACKENDS else f"Keras on {facts.title}",
        "languages": f"Python; documented: {facts.languages}" if facts.languages else "Python",
        "tutorials": NOT_MEASURED,
        "cnn": _capability(backend, item, "cnn"),
        "rnn": _capability(backend, item, "rnn"),
        "front_end": NOT_MEASURED,
        "speed": _speed(backend, item),
        "multi_gpu": _multi_gpu(backend, records),
        "keras": _keras(backend, records),
        "became": f"from {facts.lineage}" if facts.lineage else "no row on the slides",
    }


def _capability(backend: Backend, item: LabelledRun, kind: str) -> str:
    """`+++ build 7/7, infer 7/7, train 7/7; relative speed 0.83 train, 1.00 infer`."""
    modes: tuple[Mode, ...] = ("infer", "train")
    of_backend = [r for r in of_kind(item.run.records, kind) if r.case.backend == backend]
    tried = {mode: [r for r in of_backend if r.case.mode == mode] for mode in modes}
    own = [record for cases in tried.values() for record in cases]
    managed: dict[str, tuple[int, int]] = {
        "build": (sum(_was_built(r) for r in own), len(own)),
        **{mode: (sum(r.outcome == "ok" for r in cases), len(cases)) for mode, cases in tried.items()},
    }
    if not own:
        return NOT_MEASURED
    grade = "+" * sum(all_of_them > 0 and done == all_of_them for done, all_of_them in managed.values())
    parts = [f"{what} {done}/{of}" if of else f"{what} {NOT_MEASURED}" for what, (done, of) in managed.items()]
    relative = "; ".join(
        f"{ratio_text(found.speeds.speeds[backend])} {mode}{_in(precision)} ({_bounds(found, backend)}){_unlike(found)}"
        for mode, precision, found in _comparisons(backend, item, kind)
        if backend in found.speeds.speeds
    )
    return f"{grade} {', '.join(parts)}".strip() + (f"; relative speed {relative}" if relative else "")


def _comparisons(backend: Backend, item: LabelledRun, kind: str) -> list[tuple[Mode, str, Compared]]:
    """Each mode and precision in which a backend was measured, with those that it is compared with there."""
    found = [
        (mode, precision, item.once(compared, kind, mode, precision))
        for mode in TIMED
        for precision in item.once(tried_in, mode)
    ]
    return [one for one in found if backend in one[2].speeds.taking_part]


def _in(precision: str) -> str:
    """The precision of products, where it is not the usual one."""
    return "" if precision == "float32" else f" in {precision}"


def _bounds(found: Compared, backend: Backend) -> str:
    """How far a mean depends on the models in it: its interval, or for the fastest to whom it is too close."""
    result = found.speeds
    if interval := result.intervals.get(backend):
        return f"95 % {ratio_text(interval[0])} to {ratio_text(interval[1])}"
    return result.verdict(backend) or "no interval"


def _unlike(found: Compared) -> str:
    """Return ` (unlike jit)` where the compared settings differ, else nothing."""
    names = names_of(found.unlike)
    return f" (unlike {names})" if names else ""


def _was_built(record: Record) -> bool:
    return record.outcome == "ok" or record.phases.build_s is not None


def _speed(backend: Backend, item: LabelledRun) -> str:
    found = _comparisons(backend, item, ALL)
    if not found:
        return NOT_MEASURED
    text = "; ".join(_speed_part(backend, *one) for one in found)
    compared_ones = [one.speeds for _, _, one in found if one.speeds.speeds]
    mark, why = _speed_mark(backend, compared_ones) if compared_ones else ("", "")
    return f"{mark} {text}".strip() + (f"; no mark: {why}" if why else "")


def _speed_part(backend: Backend, mode: Mode, precision: str, found: Compared) -> str:
    result = found.speeds
    if found.why_none:
        return f"{mode}{_in(precision)}: {found.why_none}"
    unlike = f", {len(found.unlike)} of them with unlike {names_of(found.unlike)}" if found.unlike else ""
    common = plural(result.common, "common case")
    speed = ratio_text(result.speeds[backend])
    return f"{mode}{_in(precision)} {speed} of the fastest ({common}{unlike}; {_bounds(found, backend)})"


def _speed_mark(backend: Backend, found: Sequence[RelativeSpeed]) -> tuple[str, str]:
    """The mark that the whole interval earns, or why there is none."""
    if any((result.verdict(backend) or "").startswith("too close") for result in found):
        return "", "too close to call"
    ends = [result.intervals.get(backend, (result.speeds[backend],) * 2) for result in found]
    marks = {_grade(geometric_mean(bounds), MIDDLING, FAST) for bounds in zip(*ends, strict=True)}
    return (marks.pop(), "") if len(marks) == 1 else ("", "the interval spans several")


def _multi_gpu(backend: Backend, records: Sequence[Record]) -> str:
    """Grade the cases on several GPUs by their throughput relative to as many single GPUs."""
    ran = [
        record
        for record in records
        if record.case.backend == backend and record.case.devices > 1 and record.outcome == "ok" and record.gpu
    ]
    if not ran:
        return NOT_MEASURED
    singles = {
        key_without_backend(record): record
        for record in records
        if record.case.backend == backend and record.case.devices == 1 and record.outcome == "ok"
    }
    efficiencies = []
    for record in ran:
        alone = singles.get(key_without_backend(record, devices=1))
        single = alone.throughput_examples_per_s if alone else None
        # A model of another size, or one with other settings, is no measure of scaling.
        if alone and single and record.throughput_examples_per_s and not differing_settings([alone, record]):
            efficiencies.append(record.throughput_examples_per_s / (single * record.case.devices))
    devices = ", ".join(str(number) for number in sorted({record.case.devices for record in ran}))
    text = f"{plural(len(ran), 'case')} on {devices} GPUs"
    if not efficiencies:
        return f"+ {text}"
    efficiency = geometric_mean(efficiencies)
    return f"{_grade(efficiency, SCALES, SCALES_WELL)} {text}, {efficiency:.0%} of as many single GPUs"


def _keras(backend: Backend, records: Sequence[Record]) -> str:
    if backend in NATIVE_BACKENDS:
        return "measured without Keras"
    measured = [r for r in records if r.case.backend == backend and r.outcome == "ok" and r.case.mode in TIMED]
    if not measured:
        return NOT_MEASURED
    versions = measured[0].versions
    found = [f"{name} {versions[name]}" for name in ("keras", backend) if name in versions]
    return f"+ {', '.join(found) or 'versions not recorded'}"


def _grade(value: float, middling: float, high: float) -> str:
    return "+" * (1 + (value >= middling) + (value >= high))
