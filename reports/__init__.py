"""Reports from records: tables, charts, HTML, Markdown, CSV. Imports neither Keras nor a backend."""

from anatomy.reports.write_report import FORMATS, ReportError, write_report

__all__ = ["FORMATS", "ReportError", "write_report"]
