"""The gate's result in words: cells, rows, sentences and the summary."""

from __future__ import annotations

from anatomy.bench.profiling.explanation import large, sentence
from anatomy.bench.regression_gate.gate_result import ORDER, CaseResult, GateResult, MetricResult
from anatomy.reports.number_words import plural

MISSING = "–"
# Smaller changes than this share contradict nothing.
PLAIN = 0.02
LABELS = {
    "step": "step time",
    "compile": "compile time",
    "peak_host": "peak host memory",
    "peak_device": "peak device memory",
    "parameters": "parameters",
    "flops": "FLOPs",
    "programs": "compiled programs",
    "outputs": "output deviation",
}
_HEADLINE = {
    "PASS": "PASS: no regression",
    "FAIL": "FAIL: a regression",
    "ERROR": "ERROR: not everything could be measured",
    "INCONCLUSIVE": "INCONCLUSIVE: not everything could be decided",
}


def quantity(value: float | None, unit: str) -> str:
    """Format a figure of a case: `12.3 ms`, `512 MiB`, `1,234`; a dash for `None`."""
    if value is None:
        return MISSING
    if unit == "s":
        return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"
    if unit == "bytes":
        return f"{value / 2**20:,.0f} MiB"
    return f"{value:,.0f}" if value == int(value) else f"{value:.2g}"


def change_text(metric: MetricResult) -> str:
    """Return the change of a figure, `+5.1 %`; a dash where there is none."""
    return MISSING if metric.change is None else f"{metric.change:+.1%}".replace("%", " %")


def interval_text(metric: MetricResult) -> str:
    """Return the interval of a change, `+3.9 … +6.2 %`; empty for exact figures."""
    if metric.low is None or metric.high is None:
        return ""
    return f"{metric.low:+.1%} … {metric.high:+.1%}".replace("%", "").rstrip() + " %"


def limits_text(metric: MetricResult) -> str:
    """Return the tolerated change and the minimum effect, `2 % (5 %)`; `exact`, or a dash for figures only shown."""
    if metric.tolerated is None or metric.verdict == "SHOWN":
        return MISSING
    if metric.metric == "outputs":
        return f"at most {metric.tolerated:.2g}"
    if metric.minimum is None:
        return f"{100 * metric.tolerated:.3g} %" if metric.tolerated else "exact"
    return f"{100 * metric.tolerated:.3g} % ({100 * metric.minimum:.3g} %)"


def metric_sentence(metric: MetricResult) -> str:
    """Return `step time: 10 ms → 11.2 ms, +12.0 % [+9.0 … +15.0 %], tolerated 2 % (5 %)`."""
    figures = f"{quantity(metric.base, metric.unit)} → {quantity(metric.candidate, metric.unit)}, {change_text(metric)}"
    known = f" [{interval_text(metric)}]" if interval_text(metric) else ""
    return f"{LABELS[metric.metric]}: {figures}{known}, tolerated {limits_text(metric)}"


def deciding_figures(case: CaseResult) -> str:
    """Return the names of the figures that have the verdict of the case, where that is FAIL or INCONCLUSIVE."""
    if case.verdict not in ("FAIL", "INCONCLUSIVE"):
        return ""
    return ", ".join(LABELS[metric.metric] for metric in case.metrics if metric.verdict == case.verdict)


def contradiction(metric: MetricResult) -> str:
    """Say why the medians moved the other way than the change that was judged; empty where they did not."""
    if not metric.base or not metric.candidate or not metric.change or not metric.effects:
        return ""
    medians = metric.candidate / metric.base - 1
    if medians * metric.change >= 0 or max(abs(medians), abs(metric.change)) < PLAIN:
        return ""
    return (
        f"{LABELS[metric.metric]}: the medians over all pairs moved by {medians:+.1%}, the judged change is "
        f"{metric.change:+.1%}. The change compares the two processes of each pair, which ran at the same time; the "
        "medians mix pairs of quiet and of busy moments. With few pairs the two may differ: more minutes tell."
    ).replace("%", " %")


def gate_table(result: GateResult) -> tuple[list[str], list[list[str]]]:
    """Return the header and one row per case: verdict, name, step times, change with interval, pairs and time."""
    header = [
        "verdict",
        "case",
        "base",
        "candidate",
        "step time",
        "95 % interval",
        "compile",
        "memory",
        "pairs",
        "time",
    ]
    return header, [_row(case) for case in result.cases]


def _row(case: CaseResult) -> list[str]:
    step, compiling, memory = case.metric("step"), case.metric("compile"), case.metric("peak_host")
    return [
        case.verdict,
        case.name,
        quantity(step.base, "s") if step else MISSING,
        quantity(step.candidate, "s") if step else MISSING,
        change_text(step) if step else MISSING,
        interval_text(step) if step else "",
        change_text(compiling) if compiling else MISSING,
        change_text(memory) if memory else MISSING,
        str(case.pairs) if case.pairs else MISSING,
        f"{case.seconds:.0f} s" if case.seconds else MISSING,
    ]


def gate_summary(result: GateResult) -> str:
    """Return `FAIL: a regression (1 FAIL, 5 PASS of 6 cases); HEAD (5d6e7f8) against main (1a2b3c4); 212 s.`"""
    sides = f"{result.candidate.what} against {result.base.what}"
    if result.verdict is None:
        return f"Nothing was compared: {sides}."
    numbers = ", ".join(f"{result.count(verdict)} {verdict}" for verdict in ORDER if result.count(verdict))
    cases = plural(len(result.cases), "case")
    return f"{_HEADLINE[result.verdict]} ({numbers} of {cases}); {sides}; {result.seconds:.0f} s."


def structure_sentence(case: CaseResult) -> str:
    """`The model was changed: dec1: kernel_size 3×3 → 5×5; + bn1 (BatchNormalization)`; empty where it was not."""
    return f"The model was changed: {'; '.join(case.structure)}" if case.structure else ""


def explanation_sentences(case: CaseResult) -> list[str]:
    """Say which layers and kinds of work account for a slower step, largest first, or why that is not known."""
    if case.not_explained:
        return [f"Which layers account for it is not known: {case.not_explained}."]
    if case.explanation is None:
        return []
    layers = [sentence(change) for change in large(case.explanation.layers, case.explanation)]
    kinds = ", ".join(
        f"{change.name} {change.share:+.0%}"
        for change in large(case.explanation.kinds, case.explanation)
        if change.share is not None
    )
    return [*layers, *([f"By kind of work: {kinds}"] if kinds else [])]
