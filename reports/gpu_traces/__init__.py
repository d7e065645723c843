"""The figures of a GPU's trace as tables, for the terminal and for a page."""

from anatomy.reports.gpu_traces.trace_page import render_traces
from anatomy.reports.gpu_traces.trace_tables import TraceTable, device_sentences, device_tables, title_of

__all__ = ["TraceTable", "device_sentences", "device_tables", "render_traces", "title_of"]
