"""Reports from records: tables, charts, HTML, Markdown and CSV. Imports neither Keras nor a backend.

What draws and writes is imported before its first use, so that the arithmetic beside it needs neither matplotlib nor
pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anatomy.reports.write_report import FORMATS, write_report, write_report_file

__all__ = ["FORMATS", "write_report", "write_report_file"]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.write_report")
    # The function stays under its name, which is the module's as well.
    globals().update({each: getattr(module, each) for each in __all__})
    return globals()[name]
