"""The gate's result as a page: each case's effect, interval, pairs and distribution."""

from __future__ import annotations

from importlib import metadata, resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from anatomy.bench.regression_gate.gate_result import CaseResult, GateResult, MetricResult
from anatomy.reports.gate.effect_strip import strip
from anatomy.reports.gate.gate_rows import LABELS, change, explained, interval, limits, quantity, summary_of

_TEMPLATES = "anatomy.reports.templates"


def render_gate_html(result: GateResult) -> str:
    """One self-contained file."""
    environment = Environment(
        loader=PackageLoader("anatomy.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = "".join((resources.files(_TEMPLATES) / name).read_text() for name in ("report.css", "gate.css"))
    return environment.get_template("gate.html").render(
        version=metadata.version("keras-anatomy"),
        result=result,
        summary=summary_of(result),
        cases=[_case(case) for case in sorted(result.cases, key=lambda case: case.verdict == "PASS")],
        sides=[result.base, result.candidate],
        style=Markup(style),
    )


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "name": case.name,
        "verdict": case.verdict,
        "reason": case.reason,
        "key": case.case.key,
        "pairs": case.pairs,
        "seconds": f"{case.seconds:.0f} s",
        "cpu": None if case.cpu_change is None else f"{case.cpu_change:+.1%}".replace("%", " %"),
        "differences": case.differences,
        "step": next((_metric(case, metric) for metric in case.metrics if metric.metric == "step"), None),
        "metrics": [_metric(case, metric) for metric in case.metrics],
        "explained": explained(case),
    }


def _metric(case: CaseResult, metric: MetricResult) -> dict[str, Any]:
    label = LABELS[metric.metric]
    said = f"{label} of {case.name}: change {change(metric)}, interval {interval(metric)}, {metric.pairs} pairs"
    return {
        "label": label,
        "verdict": metric.verdict,
        "base": quantity(metric.base, metric.unit),
        "candidate": quantity(metric.candidate, metric.unit),
        "change": change(metric),
        "interval": interval(metric),
        "limits": limits(metric),
        "pairs": metric.pairs or "",
        "reason": metric.reason,
        "strip": strip(metric, said) if metric.effects else "",
    }
