"""Reports from records: tables, charts, HTML, Markdown and CSV. Imports neither Keras nor a backend."""

from anatomy.reports.write_report import FORMATS, write_report, write_report_file

__all__ = ["FORMATS", "write_report", "write_report_file"]
