"""The gate's result as Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

from anatomy.bench.regression_gate.gate_result import CaseResult, GateResult
from anatomy.reports.gate.gate_rows import (
    contradiction,
    explanation_sentences,
    gate_summary,
    gate_table,
    metric_sentence,
    structure_sentence,
)
from anatomy.reports.report_markdown import escape

ICONS = {"PASS": "✅", "FAIL": "❌", "ERROR": "💥", "INCONCLUSIVE": "❔", "NEW": "🆕"}
# A comment on GitHub holds 65,536 characters: more rows than this are on the page only.
MOST_ROWS = 60


def render_gate_markdown(result: GateResult) -> str:
    """Render a headline, a table with the cases that did not pass first, and what each of these failed on."""
    icon = ICONS.get(result.verdict or "", "⚠️")
    worst = sorted(result.cases, key=lambda case: case.verdict == "PASS")
    shown = result.model_copy(update={"cases": worst[:MOST_ROWS]})
    header, rows = gate_table(shown)
    lines = [f"### {icon} Anatomy: {escape(gate_summary(result))}", ""]
    lines += [f"| {' | '.join(header)} |", "|---|---|" + "---:|" * (len(header) - 2)]
    lines += [f"| {' | '.join([f'{ICONS[row[0]]} {row[0]}', *map(escape, row[1:])])} |" for row in rows]
    if len(worst) > MOST_ROWS:
        lines.append(f"\n{len(worst) - MOST_ROWS} more cases passed or are in the full report.")
    for case in worst[:MOST_ROWS]:
        if case.verdict not in ("PASS", "NEW") or case.structure:
            lines += ["", *_details(case)]
    lines += [f"\n> {escape(note)}" for note in result.notes]
    return "\n".join(lines) + "\n"


def _details(case: CaseResult) -> list[str]:
    reason = f": {escape(case.reason)}" if case.reason else ""
    lines = [f"**{case.verdict}** {escape(case.name)}{reason}"]
    failed = [metric_sentence(metric) for metric in case.metrics if metric.verdict in ("FAIL", "INCONCLUSIVE")]
    unlike = [said for metric in case.metrics if (said := contradiction(metric))]
    changed = [said] if (said := structure_sentence(case)) else []
    return lines + [f"- {escape(said)}" for said in (*changed, *failed, *unlike, *explanation_sentences(case))]
