"""What the documents name is there: files, modules, links, and the commands with their options."""

from __future__ import annotations

import functools
import re
import shlex
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from anatomy.bench.cli.main import app

ROOT = Path(__file__).parents[1]
# The changelog names things as they were.
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md"))
    if path.name != "CHANGELOG.md"
}

document = pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS.keys())


@document
def test_every_path_exists(text: str) -> None:
    paths = re.findall(r"(?<![\w/.-])((?:tests|bench|models|reports|docs|\.ci)/[\w/.-]*[\w/])", text)
    rooms = "|".join(path.name for path in (ROOT / "bench").iterdir() if path.is_dir())
    paths += [f"bench/{path}" for path in re.findall(rf"`((?:{rooms})/[\w/]*(?:\.py|/))`", text)]
    assert [path for path in paths if not (ROOT / path).exists() and "NAME" not in path] == []


@document
def test_every_test_exists(text: str) -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", text)
    assert [name for path, name in named if not re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M)] == []


@document
def test_every_link_leads_to_a_file(text: str, request: pytest.FixtureRequest) -> None:
    folder = (ROOT / request.node.callspec.id).parent
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    assert [link for link in links if ":" not in link and not (folder / link).exists()] == []


@document
def test_every_module_and_name_is_there(text: str) -> None:
    assert [
        name for name in re.findall(r"python -m ((?:tests|anatomy)[\w.]*\w)", text) if find_spec(name) is None
    ] == []
    for name in re.findall(r"(?<![\w.])anatomy\.(?:bench|models|reports)(?:\.\w+)*", text):
        resolve(name)


def resolve(name: str) -> object:
    """Import as much of a dotted name as is a module, and get the rest from it."""
    found: object = import_module("anatomy.bench")
    parts = name.split(".")
    for number in range(2, len(parts) + 1):
        try:
            found = import_module(".".join(parts[:number]))
        except ModuleNotFoundError:
            found = getattr(found, parts[number - 1])
    return found


@document
def test_every_command_parses(text: str) -> None:
    fenced = re.findall(r"^\$ .*?\banatomy ([a-z][^#;|>\n]*)", text, re.MULTILINE)
    for command in fenced:
        parse(shlex.split(command))
    for command in re.findall(r"`anatomy ([a-z][^`|]*)`", text):
        try:
            parse(shlex.split(command))
        except Exception as error:
            # A sentence may name a command or an option without its arguments.
            if type(error).__name__ not in ("MissingParameter", "BadOptionUsage", "NoArgsIsHelpError"):
                raise


# Built once, not for each command of the pages.
command_tree = functools.cache(get_command)


def parse(words: list[str]) -> None:
    """Parse a command line without running it."""
    command: Any = command_tree(app)
    while hasattr(command, "commands") and words:
        name, *words = words
        command = command.commands[name]
    command.make_context(None, words)
