"""The tables of a report as files: CSV and Parquet, one for each, or one workbook with a sheet for each."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.whole_file import write_whole
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import Table
from anatomy.reports.tables import iterate_tables

# Of a sheet's name, as spreadsheets have it.
LONGEST_SHEET_NAME = 31
# A name of a model or a layer may begin like that; no figure is text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_EXTRA = "pip install 'keras-anatomy[tables]'"


def write_csv(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    """Write each table as CSV, in base units; empty where nothing was measured. No cell is a formula."""
    return [_write_csv(table, folder) for table in iterate_tables(runs)]


def write_parquet(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    """Write each table as Parquet, in base units; null where nothing was measured.

    Raises:
        UsageError: pyarrow is not installed.
    """
    _require("pyarrow", "parquet")
    return [_write_parquet(table, folder) for table in iterate_tables(runs)]


def write_table(table: Table, folder: Path) -> Path:
    """Write one table, as Parquet where pyarrow is installed, else as CSV, which takes ten times as long."""
    return (_write_parquet if _installed("pyarrow") else _write_csv)(table, folder)


def _write_csv(table: Table, folder: Path) -> Path:
    return write_whole(folder / f"{table.key}.csv", _without_formulas(table.frame).to_csv(index=False))


def _write_parquet(table: Table, folder: Path) -> Path:
    import pyarrow

    # A column of text may be empty: its type is said, not guessed.
    texts = [column.key for column in table.columns if column.kind != "number"]
    content = table.frame.astype(dict.fromkeys(texts, "string")).to_parquet(index=False)
    # It keeps what a large table took for the next one.
    pyarrow.default_memory_pool().release_unused()
    return write_whole(folder / f"{table.key}.parquet", content)


def write_workbook(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    """Write all tables that have rows as one workbook, in base units. Text is never taken for a formula or a link.

    Raises:
        UsageError: XlsxWriter is not installed.
    """
    _require("xlsxwriter", "xlsx")
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    content = io.BytesIO()
    with pd.ExcelWriter(content, engine="xlsxwriter", engine_kwargs={"options": options}) as workbook:
        for table in iterate_tables(runs):
            if not table.frame.empty or table.key == "models":
                table.frame.to_excel(workbook, sheet_name=table.key[:LONGEST_SHEET_NAME], index=False)
    return [write_whole(folder / "report.xlsx", content.getvalue())]


def without_formula(value: Any) -> Any:
    """A cell's text that a spreadsheet would run as a formula, after an apostrophe; all else as it is.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    texts = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{name: frame[name].map(without_formula) for name in texts})


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _require(package: str, format_: str) -> None:
    if not _installed(package):
        raise UsageError(f"--format {format_} needs {package}; {_EXTRA}")
