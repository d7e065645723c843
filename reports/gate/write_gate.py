"""Write every form of the gate's result into a folder."""

from __future__ import annotations

from pathlib import Path

from anatomy.bench.records.whole_file import write_whole
from anatomy.bench.regression_gate.gate_result import GateResult
from anatomy.reports.gate.gate_comment import render_gate_markdown
from anatomy.reports.gate.gate_page import render_gate_html
from anatomy.reports.gate.junit import render_junit
from anatomy.reports.gate.sarif import render_sarif

GATE_HTML, GATE_MARKDOWN, GATE_JUNIT, GATE_SARIF = "gate.html", "gate.md", "junit.xml", "gate.sarif"


def write_gate_reports(result: GateResult, folder: Path) -> dict[str, Path]:
    """Write the result as HTML, Markdown, JUnit XML and SARIF; return the file of each form by its name."""
    forms = {
        GATE_HTML: render_gate_html(result),
        GATE_MARKDOWN: render_gate_markdown(result),
        GATE_JUNIT: render_junit(result),
        GATE_SARIF: render_sarif(result),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in forms.items():
        write_whole(folder / name, text)
    return {name: folder / name for name in forms}
