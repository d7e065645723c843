"""The gate's result as a table, a comment, a page, JUnit XML, SARIF and annotations."""

from anatomy.reports.gate.gate_rows import explanation_sentences, gate_summary, gate_table, structure_sentence
from anatomy.reports.gate.github import publish_on_github
from anatomy.reports.gate.junit import case_figures
from anatomy.reports.gate.write_gate import GATE_HTML, write_gate_reports

__all__ = [
    "GATE_HTML",
    "case_figures",
    "explanation_sentences",
    "gate_summary",
    "gate_table",
    "publish_on_github",
    "structure_sentence",
    "write_gate_reports",
]
