"""Write the report of runs on disk: pages, Markdown, or tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.garbage_collector import present_objects_stay
from anatomy.bench.records.run_store import load_run
from anatomy.bench.records.whole_file import write_whole
from anatomy.models.suggestion import unknown_name
from anatomy.reports.cases import case_pages
from anatomy.reports.report_markdown import render_markdown
from anatomy.reports.report_page import render_html, render_talk
from anatomy.reports.run_labels import CASES_FOLDER, LabelledRun, label_runs
from anatomy.reports.table import Table
from anatomy.reports.table_files import write_csv, write_parquet, write_table, write_workbook

# A page takes about 0.2 s: of larger runs `pages=True` asks for them.
MOST_PAGES = 48


def write_report(
    run_paths: Sequence[Path],
    formats: Sequence[str] = ("html",),
    out: Path | None = None,
    *,
    pages: bool | None = None,
) -> list[Path]:
    """Read runs and write their report.

    Args:
        run_paths: folders of runs; several make one report, with their rows labelled and never merged.
        formats: any of `html` (`report.html`, and beside it, as Parquet or CSV, the tables that are too long for a
            page), `md` (`report.md`), `csv` and `parquet` (one file for each table, in
            base units: seconds and bytes, empty where nothing was measured), `xlsx` (`report.xlsx`, a sheet for each),
            `talk` (`talk.html`, the talk's tables alone).
        out: folder to write to, made where needed; by default that of the first run.
        pages: whether `html` also writes a page for each timed case of a single run, below `cases/`; by default where
            there are `MOST_PAGES` or fewer.

    Returns:
        The files written, in the order of `formats`, without the pages of cases.

    Raises:
        UsageError: no folder is given, a folder holds no run, a file there is damaged, a format is unknown or needs a
            package that is not installed, or pages are asked for of several runs.
    """
    if not run_paths:
        raise UsageError("no run was given; expected the folder of at least one, e.g. anatomy-runs/<run>")
    for name in formats:
        if name not in _WRITERS:
            raise UsageError(unknown_name("format", name, _WRITERS))
    if pages and len(run_paths) > 1:
        raise UsageError("a page for each case was asked for of several runs; expected one run")
    folder = Path(out or run_paths[0])
    most_sampled = sys.maxsize if pages else MOST_PAGES if pages is None and len(run_paths) == 1 else 0
    found = [load_run(path, compact=True, most_sampled=most_sampled) for path in run_paths]
    if pages is None:
        pages = len(found) == 1 and len(found[0].records) <= MOST_PAGES
    runs = label_runs(found, folder, paged=pages and "html" in formats)
    folder.mkdir(parents=True, exist_ok=True)
    with present_objects_stay():
        return [path for name in dict.fromkeys(formats) for path in _WRITERS[name](runs, folder)]


def write_report_file(run_paths: Sequence[Path], path: Path) -> Path:
    """Write the report of runs as one file, HTML or Markdown by its suffix.

    Raises:
        UsageError: another suffix, no run, or a damaged file.
    """
    render = {".html": render_html, ".md": render_markdown}.get(path.suffix)
    if render is None:
        raise UsageError(f"{path}: expected a name that ends in .html or .md")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = [load_run(run, compact=True, most_sampled=0) for run in run_paths]
    return _write(path, render(label_runs(found, path.parent)))


def _write_html(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    beside: list[Path] = []

    def keep_whole(table: Table) -> str:
        beside.append(write_table(table, folder))
        return beside[-1].name

    written = _write(folder / "report.html", render_html(runs, keep_whole))
    for item in runs:
        if item.paged:
            (folder / CASES_FOLDER).mkdir(exist_ok=True)
            for name, page in case_pages(item):
                _write(folder / CASES_FOLDER / name, page)
    return [written, *beside]


def _write_markdown(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    return [_write(folder / "report.md", render_markdown(runs))]


def _write_talk(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    return [_write(folder / "talk.html", render_talk(runs))]


_WRITERS: dict[str, Callable[[Sequence[LabelledRun], Path], list[Path]]] = {
    "html": _write_html,
    "md": _write_markdown,
    "csv": write_csv,
    "xlsx": write_workbook,
    "parquet": write_parquet,
    "talk": _write_talk,
}
FORMATS = tuple(_WRITERS)


def _write(path: Path, text: str) -> Path:
    return write_whole(path, text)
