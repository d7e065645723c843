"""Write the report of runs on disk as HTML, Markdown or CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.run_store import load_run
from anatomy.models.suggestion import unknown_name
from anatomy.reports.report_markdown import render_markdown
from anatomy.reports.report_page import render_html
from anatomy.reports.run_labels import LabelledRun, label_runs
from anatomy.reports.tables import all_tables


def write_report(run_paths: Sequence[Path], formats: Sequence[str] = ("html",), out: Path | None = None) -> list[Path]:
    """Read runs and write their report.

    Args:
        run_paths: folders of runs; several make one report, with their rows labelled and never merged.
        formats: any of `html` (`report.html`), `md` (`report.md`), `csv` (one file for each table, in base units:
            seconds and bytes, empty where nothing was measured).
        out: folder to write to, made where needed; by default that of the first run.

    Returns:
        The files written, in the order of `formats`.

    Raises:
        UsageError: no folder is given, a folder holds no run, a file there is damaged, or a format is unknown.
    """
    if not run_paths:
        raise UsageError("no run was given; expected the folder of at least one, e.g. anatomy-runs/<run>")
    for name in formats:
        if name not in _WRITERS:
            raise UsageError(unknown_name("format", name, _WRITERS))
    folder = Path(out or run_paths[0])
    runs = label_runs([load_run(path) for path in run_paths], folder)
    folder.mkdir(parents=True, exist_ok=True)
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
    return _write(path, render(label_runs([load_run(run) for run in run_paths], path.parent)))


def _write_html(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    return [_write(folder / "report.html", render_html(runs))]


def _write_markdown(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    return [_write(folder / "report.md", render_markdown(runs))]


def _write_csv(runs: Sequence[LabelledRun], folder: Path) -> list[Path]:
    return [_write(folder / f"{table.key}.csv", table.frame.to_csv(index=False)) for table in all_tables(runs)]


_WRITERS: dict[str, Callable[[Sequence[LabelledRun], Path], list[Path]]] = {
    "html": _write_html,
    "md": _write_markdown,
    "csv": _write_csv,
}
FORMATS = tuple(_WRITERS)


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
