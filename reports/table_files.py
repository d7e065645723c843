"""The tables of a report as files: CSV and Parquet, one for each, or one workbook with a sheet for each."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import Table
from anatomy.reports.tables import iterate_tables

# Of a sheet's name, as spreadsheets have it.
LONGEST_SHEET_NAME = 31
_EXTRA = "pip install 'keras-anatomy[tables]'"


def write_csv(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    """Write each table as CSV, in base units; empty where nothing was measured."""
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
    path = folder / f"{table.key}.csv"
    table.frame.to_csv(path, index=False)
    return path


def _write_parquet(table: Table, folder: Path) -> Path:
    import pyarrow

    path = folder / f"{table.key}.parquet"
    # A column of text may be empty: its type is said, not guessed.
    texts = [column.key for column in table.columns if column.kind != "number"]
    table.frame.astype(dict.fromkeys(texts, "string")).to_parquet(path, index=False)
    # It keeps what a large table took for the next one.
    pyarrow.default_memory_pool().release_unused()
    return path


def write_workbook(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    """Write all tables that have rows as one workbook, in base units. Text is never taken for a formula or a link.

    Raises:
        UsageError: XlsxWriter is not installed.
    """
    _require("xlsxwriter", "xlsx")
    path = folder / "report.xlsx"
    as_text = {"options": {"strings_to_formulas": False, "strings_to_urls": False}}
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs=as_text) as workbook:
        for table in iterate_tables(runs):
            if not table.frame.empty or table.key == "models":
                table.frame.to_excel(workbook, sheet_name=table.key[:LONGEST_SHEET_NAME], index=False)
    return [path]


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _require(package: str, format_: str) -> None:
    if not _installed(package):
        raise UsageError(f"--format {format_} needs {package}; {_EXTRA}")
