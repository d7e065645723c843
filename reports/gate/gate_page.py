"""The gate's result as an HTML page: each case's change, interval and pairs of processes."""

from __future__ import annotations

from typing import Any

from anatomy.bench.regression_gate.gate_result import CaseResult, GateResult, MetricResult
from anatomy.reports.gate.effect_strip import effect_strip
from anatomy.reports.gate.gate_rows import (
    LABELS,
    change_text,
    contradiction,
    deciding_figures,
    explanation_sentences,
    gate_summary,
    interval_text,
    limits_text,
    quantity,
    structure_sentence,
)
from anatomy.reports.page import render_page, trusted_asset


def render_gate_html(result: GateResult) -> str:
    """Render the gate's result as one self-contained HTML page."""
    return render_page(
        "gate.html",
        "gate.css",
        title=f"Anatomy gate: {result.verdict or 'nothing compared'}, {result.id}",
        result=result,
        summary=gate_summary(result),
        cases=[_case(case) for case in sorted(result.cases, key=lambda case: case.verdict == "PASS")],
        sides=[result.base, result.candidate],
        script=trusted_asset("report.js"),
    )


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "name": case.name,
        "verdict": case.verdict,
        "decided_by": deciding_figures(case),
        "contradictions": [said for metric in case.metrics if (said := contradiction(metric))],
        "reason": case.reason,
        "key": case.case.key,
        "pairs": case.pairs,
        "seconds": f"{case.seconds:.0f} s",
        "seconds_value": case.seconds,
        "cpu": None if case.cpu_change is None else f"{case.cpu_change:+.1%}".replace("%", " %"),
        "differences": case.differences,
        "structure": structure_sentence(case),
        "step": next((_metric(case, metric) for metric in case.metrics if metric.metric == "step"), None),
        "metrics": [_metric(case, metric) for metric in case.metrics],
        "explained": explanation_sentences(case),
    }


def _metric(case: CaseResult, metric: MetricResult) -> dict[str, Any]:
    label = LABELS[metric.metric]
    shown = f"change {change_text(metric)}, interval {interval_text(metric)}, {metric.pairs} pairs"
    return {
        "label": label,
        "verdict": metric.verdict,
        "base": quantity(metric.base, metric.unit),
        "candidate": quantity(metric.candidate, metric.unit),
        "change": change_text(metric),
        "raw": {"base": metric.base, "candidate": metric.candidate, "change": metric.change},
        "interval": interval_text(metric),
        "limits": limits_text(metric),
        "pairs": metric.pairs or "",
        "reason": metric.reason,
        "strip": effect_strip(metric, f"{label} of {case.name}: {shown}") if metric.effects else "",
    }
