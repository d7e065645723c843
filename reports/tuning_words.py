"""The answer of a tuning in words, and the lines that change a program to it."""

from __future__ import annotations

import math
from pathlib import Path

from anatomy.bench.records.case import Case, keras_backend
from anatomy.bench.records.tuning import Contender, Tuning, front, setting_text
from anatomy.bench.statistics.interval import Interval, between_processes
from anatomy.models import format_model

# So many others are named of each kind.
NAMED = 3
_UNITS = {"throughput": "examples/s", "latency": "steps/s one after another", "memory": "", "energy": "examples/J"}


def answer_sentences(tuning: Tuning) -> list[str]:
    """The answer, what is next, what is not worth it, and what was not tried."""
    winner = tuning.winner
    if winner is None:
        return [_nothing(tuning), *_not_tried(tuning)]
    return [_best(tuning, winner), *_as_good(tuning), *_next(tuning), *_worth(tuning, winner), *_not_tried(tuning)]


def change_lines(tuning: Tuning) -> list[str]:
    """The lines that change a program from the default to the winner; empty where it is the default."""
    winner, default = tuning.winner, tuning.default
    if winner is None or winner.case == default:
        return []
    case, lines = winner.case, []
    if case.backend != default.backend:
        lines.append(
            f'os.environ["KERAS_BACKEND"] = "{case.backend}"  # before Keras is imported'
            if not case.native
            else f"anatomy script {case.key} RUN  # the program in {keras_backend(case.backend)}'s own layers"
        )
    if case.dtype != default.dtype:
        lines.append(f'keras.config.set_dtype_policy("{case.dtype}")  # before the model is built')
    if case.jit != default.jit:
        lines.append(f"model.compile(…, jit_compile={case.jit == 'on'})")
    if case.steps_per_execution != default.steps_per_execution:
        lines.append(f"model.compile(…, steps_per_execution={case.steps_per_execution or 1})")
    if (case.feed, case.batch_size) != (default.feed, default.batch_size):
        lines.append(_call(case))
    return lines


def _call(case: Case) -> str:
    """`fit` or `predict` with the batch size, by the feed."""
    method = "predict" if case.mode in ("infer", "predict") else "fit"
    given, size = "x" if method == "predict" else "(x, y)", case.batch_size
    by_feed = {
        "numpy": f"…, batch_size={size}",
        "tf.data": f"tf.data.Dataset.from_tensor_slices({given}).batch({size}).prefetch(tf.data.AUTOTUNE)",
        "pydataset": f"dataset)  # a keras.utils.PyDataset with batches of {size}",
        "dataloader": f"DataLoader(dataset, batch_size={size})",
        "grain": f"grain.MapDataset.source(examples).batch({size})",
    }
    text = by_feed[case.feed]
    return f"model.{method}({text}" + ("" if "#" in text else ")")


def script_paths(tuning: Tuning, folder: Path) -> list[str]:
    """The stand-alone programs of the winner and the default, as far as the run has them."""
    sides = (one for one in (tuning.winner, tuning.as_default) if one is not None)
    paths = dict.fromkeys(folder / "scripts" / f"{one.case.key}.py" for one in sides)
    return [str(path) for path in paths if path.exists()]


def _best(tuning: Tuning, winner: Contender) -> str:
    case = winner.case
    head = f"{format_model(case.model, case.options)}, {case.mode}: {setting_text(case)}: {_figure(tuning, winner)}"
    memory = f", {_mib(winner.memory_bytes)}" if winner.memory_bytes else ""
    return f"{head}{memory}{_gain(tuning, winner)}."


def _gain(tuning: Tuning, winner: Contender) -> str:
    if winner.case == tuning.default:
        return ". This is what you get by default"
    default = tuning.as_default
    found = tuning.advantage(default)
    if default is None or found is None:
        why = f" ({default.reason})" if default is not None and default.reason else ""
        return f". What you get by default ({setting_text(tuning.default)}) does not do{why}"
    unsure = "" if found[1] is None or found[1][0] > 1 else "; that it is better is not sure"
    return f", {_times(*found)} what you get by default ({setting_text(tuning.default)}){unsure}"


def _figure(tuning: Tuning, one: Contender) -> str:
    """`1,234 examples/s (95 %: 1,200 to 1,260)`, or the time or memory of which the figure is the inverse."""
    figures = one.rounds or [one.figure or math.nan]
    interval = between_processes(figures)
    centre = one.figure or math.nan
    if tuning.goal.name in ("latency", "memory"):
        low, high = (1 / interval[1], 1 / interval[0]) if interval else (0.0, 0.0)
        text = _seconds if tuning.goal.name == "latency" else lambda value: _mib(int(value))
        return text(1 / centre) + (f" (95 %: {text(low)} to {text(high)})" if interval else "")
    unit = _UNITS[tuning.goal.name]
    return f"{_number(centre)} {unit}" + (
        f" (95 %: {_number(interval[0])} to {_number(interval[1])})" if interval else ""
    )


def _as_good(tuning: Tuning) -> list[str]:
    equals = [one for one in tuning.contenders if one.standing == "as good"]
    if not equals:
        return []
    names = "; ".join(f"{setting_text(one.case)} ({_ratio(tuning, one)})" for one in equals[:NAMED])
    return [
        f"Too close to tell apart (within {100 * tuning.tolerance:g} %): {names}."
        " The one that is nearest to the default is recommended."
    ]


def _next(tuning: Tuning) -> list[str]:
    """The best of another backend, dtype or compiler."""
    winner = tuning.winner
    if winner is None:
        return []
    kind = _kind(winner.case)
    taken = {kind} | {_kind(one.case) for one in tuning.contenders if one.standing == "as good"}
    found = []
    for one in sorted(tuning.contenders, key=lambda one: one.figure or 0.0, reverse=True):
        if one.standing != "out" and one.figure and _kind(one.case) not in taken:
            taken.add(_kind(one.case))
            found.append(f"{setting_text(one.case)} ({_ratio(tuning, one)})")
    return [f"Next best: {'; '.join(found[:NAMED])}."] if found else []


def _worth(tuning: Tuning, winner: Contender) -> list[str]:
    """What larger batches of the winner would bring, and what was out."""
    sentences = []
    larger = [
        one
        for one in tuning.contenders
        if _kind(one.case) == _kind(winner.case) and one.case.batch_size > winner.case.batch_size and one.figure
    ]
    if larger and winner.figure and tuning.goal.name == "throughput":
        one = min(larger, key=lambda one: one.case.batch_size)
        growth = (one.figure or 0.0) / winner.figure - 1
        memory = f" at {_share(one, winner)} × the memory" if one.memory_bytes and winner.memory_bytes else ""
        sentences.append(f"Not worth it: batch {one.case.batch_size} ({100 * growth:+.0f} %{memory}).")
    out = [one for one in tuning.contenders if one.standing == "out"]
    if out:
        by_reason: dict[str, list[Contender]] = {}
        for one in out:
            by_reason.setdefault(one.reason, []).append(one)
        said = [
            " and ".join(setting_text(one.case) for one in ones[:NAMED])
            + (f" and {len(ones) - NAMED} more" if len(ones) > NAMED else "")
            + f": {_shortened(reason)}"
            for reason, ones in by_reason.items()
        ]
        more = f"; and {len(said) - NAMED} other reasons" if len(said) > NAMED else ""
        sentences.append(f"Out: {'; '.join(said[:NAMED])}{more}.")
    points = front(tuning.contenders)
    if tuning.goal.name == "throughput" and len(points) > 1:
        ways = "; ".join(
            f"{_mib(one.memory_bytes)}: {_number(one.figure or 0)} ({setting_text(one.case)})" for one in points
        )
        sentences.append(f"Speed against memory, examples/s: {ways}.")
    return sentences


def _not_tried(tuning: Tuning) -> list[str]:
    found = []
    if left := tuning.left_out:
        more = f"; and {len(left) - NAMED} more" if len(left) > NAMED else ""
        found.append(f"Not tried, for want of time (--minutes): {'; '.join(left[:NAMED])}{more}.")
    return found + ([f"Not searched: {'; '.join(tuning.not_tried)}."] if tuning.not_tried else [])


def _nothing(tuning: Tuning) -> str:
    """Nothing meets the limits: what came nearest."""
    reasons = [one for one in tuning.contenders if one.reason]
    nearest = min(reasons, key=lambda one: ("allowed" not in one.reason, one.case.batch_size), default=None)
    said = f" Nearest: {setting_text(nearest.case)}: {_shortened(nearest.reason)}." if nearest is not None else ""
    return f"No setting of {len(tuning.contenders)} that were tried does.{said}"


def _kind(case: Case) -> tuple[str, ...]:
    return case.backend, case.dtype, case.jit, case.feed_name


def _ratio(tuning: Tuning, one: Contender) -> str:
    found = tuning.advantage(one)
    return "–" if found is None else f"{1 / found[0]:.2f} ×"


def _times(ratio: float, interval: Interval | None) -> str:
    return f"{_factor(ratio)} ×" + (f" ({_factor(interval[0])} to {_factor(interval[1])})" if interval else "")


def _factor(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def _share(one: Contender, other: Contender) -> str:
    return f"{(one.memory_bytes or 0) / (other.memory_bytes or 1):.1f}"


def _number(value: float) -> str:
    """Four digits, which is more than a race can tell."""
    return f"{float(f'{value:.4g}'):,.0f}" if value >= 1000 else f"{value:.4g}"


def _seconds(value: float) -> str:
    return f"{1e3 * value:.3g} ms"


def _mib(size: int | None) -> str:
    return f"{(size or 0) / 2**20:,.0f} MiB"


def _shortened(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
