"""The talk's comparison of frameworks: its seven rows, beside today's backends from measurements."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean

from anatomy.bench.records.case import KERAS_BACKENDS, NATIVE_BACKENDS, Backend, Mode
from anatomy.bench.records.record import Record
from anatomy.models.frameworks import BACKEND_FACTS, SLIDE_ROWS
from anatomy.reports.answers.backend_race import precision_of
from anatomy.reports.number_words import plural
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.settings_differences import differing_settings, key_without_backend
from anatomy.reports.speed import ratio_text
from anatomy.reports.table import NOT_MEASURED, Column, Table, build_table
from anatomy.reports.tables.model_table import TIMED
from anatomy.reports.tables.speed_table import ALL, Compared, compared, left_out, names_of

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
    f"Speed: in each mode the geometric mean of throughputs over the cases that all compared backends ran, relative to "
    f"the fastest (1.00); the number of those cases is printed, and how many of them set unlike settings side by side. "
    f"+++ from {FAST}, ++ from {MIDDLING}, + below, for the geometric mean of the modes measured.",
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
        "speed": _speed(backend, item) + _other_precision(backend, records),
        "multi_gpu": _multi_gpu(backend, records),
        "keras": _keras(backend, records),
        "became": f"from {facts.lineage}" if facts.lineage else "no row on the slides",
    }


def _other_precision(backend: Backend, records: Sequence[Record]) -> str:
    """The precision of a backend's products where it is never that of the dtype policy: a speed of less work."""
    own = [r for r in records if r.case.backend == backend and r.case.mode in TIMED and r.outcome == "ok"]
    found = {precision_of(record) for record in own}
    policies = {record.case.dtype.removeprefix("mixed_") for record in own}
    return f"; products in {', '.join(sorted(found))}" if found and not found & policies else ""


def _capability(backend: Backend, item: LabelledRun, kind: str) -> str:
    """`+++ build 7/7, infer 7/7, train 7/7; relative speed 0.83 train, 1.00 infer`."""
    modes: tuple[Mode, ...] = ("infer", "train")
    found: dict[Mode, Compared] = {mode: item.once(compared, kind, mode) for mode in modes}
    tried = {mode: [r for r in found[mode].tried if r.case.backend == backend] for mode in modes}
    own = [record for cases in tried.values() for record in cases]
    managed: dict[str, tuple[int, int]] = {
        "build": (sum(_was_built(r) for r in own), len(own)),
        **{mode: (sum(r.outcome == "ok" for r in cases), len(cases)) for mode, cases in tried.items()},
    }
    if not own:
        return NOT_MEASURED
    grade = "+" * sum(all_of_them > 0 and done == all_of_them for done, all_of_them in managed.values())
    parts = [f"{what} {done}/{of}" if of else f"{what} {NOT_MEASURED}" for what, (done, of) in managed.items()]
    speeds = {mode: found[mode].speeds.speeds.get(backend) for mode in TIMED}
    relative = ", ".join(
        f"{ratio_text(speed)} {mode}{_unlike(found[mode])}" for mode, speed in speeds.items() if speed is not None
    )
    return f"{grade} {', '.join(parts)}".strip() + (f"; relative speed {relative}" if relative else "")


def _unlike(found: Compared) -> str:
    """Return ` (unlike jit)` where the compared settings differ, else nothing."""
    names = names_of(found.unlike)
    return f" (unlike {names})" if names else ""


def _was_built(record: Record) -> bool:
    return record.outcome == "ok" or record.phases.build_s is not None


def _speed(backend: Backend, item: LabelledRun) -> str:
    parts, speeds = [], []
    for mode in TIMED:
        found = item.once(compared, ALL, mode)
        result = found.speeds
        if backend in result.speeds:
            speeds.append(result.speeds[backend])
            unlike = f", {len(found.unlike)} of them with unlike {names_of(found.unlike)}" if found.unlike else ""
            common = plural(result.common, "common case")
            parts.append(f"{mode} {ratio_text(speeds[-1])} of the fastest ({common}{unlike})")
        elif backend in result.taking_part:
            parts.append(f"{mode}: no case was run by all backends")
    if not parts:
        return NOT_MEASURED
    return f"{_grade(geometric_mean(speeds), MIDDLING, FAST) if speeds else ''} {'; '.join(parts)}".strip()


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
