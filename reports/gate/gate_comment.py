"""The gate's result as Markdown of the size of a comment."""

from __future__ import annotations

from anatomy.bench.regression_gate.gate_result import CaseResult, GateResult
from anatomy.reports.gate.gate_rows import LABELS, change, explained, interval, limits, quantity, summary_of, table_rows
from anatomy.reports.report_markdown import escape

ICONS = {"PASS": "✅", "FAIL": "❌", "ERROR": "💥", "INCONCLUSIVE": "❔", "NEW": "🆕"}
# A comment on GitHub holds 65 536 characters; a table of more cases than this is for the page.
MOST_ROWS = 60


def render_gate_markdown(result: GateResult) -> str:
    """Headline, a table, the cases that did not pass first, and what each of these failed on."""
    icon = ICONS.get(result.verdict or "", "⚠️")
    worst = sorted(result.cases, key=lambda case: case.verdict == "PASS")
    shown = result.model_copy(update={"cases": worst[:MOST_ROWS]})
    header, rows = table_rows(shown)
    lines = [f"### {icon} Anatomy: {escape(summary_of(result))}", ""]
    lines += [f"| {' | '.join(header)} |", "|---|---|" + "---:|" * (len(header) - 2)]
    lines += [f"| {' | '.join([f'{ICONS[row[0]]} {row[0]}', *map(escape, row[1:])])} |" for row in rows]
    if len(worst) > MOST_ROWS:
        lines.append(f"\n{len(worst) - MOST_ROWS} more cases passed or are in the full report.")
    for case in worst[:MOST_ROWS]:
        if case.verdict not in ("PASS", "NEW"):
            lines += ["", *_details(case)]
    lines += [f"\n> {escape(note)}" for note in result.notes]
    return "\n".join(lines) + "\n"


def _details(case: CaseResult) -> list[str]:
    lines = [f"**{case.verdict}** {escape(case.name)}: {escape(case.reason)}"]
    for metric in case.metrics:
        if metric.verdict in ("FAIL", "INCONCLUSIVE"):
            figures = f"{quantity(metric.base, metric.unit)} → {quantity(metric.candidate, metric.unit)}"
            known = f" [{interval(metric)}]" if interval(metric) else ""
            said = f"{LABELS[metric.metric]}: {figures}, {change(metric)}{known}, tolerated {limits(metric)}"
            lines.append(f"- {escape(said)}")
    return lines + [f"- {escape(sentence)}" for sentence in explained(case)]
