"""Reports of the gate: one result as a table, a comment, a page, JUnit, SARIF and annotations."""

from anatomy.reports.gate.gate_rows import explained, summary_of, table_rows
from anatomy.reports.gate.github import publish_on_github
from anatomy.reports.gate.junit import figures
from anatomy.reports.gate.write_gate import GATE_HTML, write_gate_reports

__all__ = ["GATE_HTML", "explained", "figures", "publish_on_github", "summary_of", "table_rows", "write_gate_reports"]
