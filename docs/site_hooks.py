"""Pages of the site that are made when it is built: the first one, the command line's and the Python interface's."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

from anatomy.bench.cli.main import app

ROOT = Path(__file__).parents[1]
API = "# Python interface, name by name\n\n::: anatomy.bench\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file holds."""
    pages = {"index.md": _first_page(), "command-line.md": _command_line(), "api.md": API}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def _first_page() -> str:
    """The README, with its links as seen from the folder of the pages; what lies elsewhere is named, not linked."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(r"\[([^\]]+)\]\((?!https?:|images/)([^)]*/[^)]*|[A-Z]+(?:\.md)?)\)", r"\1", text)


def _command_line() -> str:
    """Every command with its arguments and options."""
    command = get_command(app)
    return get_docs_for_click(obj=command, ctx=Context(command), name="anatomy", title="Command line")
