"""What the layers of import-linter leave open: circles within a room, names, files without a room, the drawing."""

from __future__ import annotations

import re

import pytest

from tests.architecture.import_graph import ROOT, Imports, circles, loose_files, read_imports, shared_names
from tests.architecture.layered_drawing import needed


@pytest.fixture(scope="module")
def imports() -> Imports:
    return read_imports(ROOT)


def test_circles_are_found() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": []}) == [["a", "b", "c"]]
    assert circles({"a": ["b"], "b": []}) == []


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    assert needed({"a": ["b", "c"], "b": ["c"], "c": []}) == {"a": ["b"], "b": ["c"], "c": []}


@pytest.mark.long
def test_no_rooms_and_no_files_import_one_another_in_a_circle(imports: Imports) -> None:
    assert circles(imports.rooms) == []
    assert circles(imports.modules) == []


def test_every_file_has_a_room_and_a_name_that_no_other_has(imports: Imports) -> None:
    assert loose_files(ROOT) == []
    assert shared_names(imports.modules) == {}


def test_the_drawing_shows_todays_rooms(imports: Imports) -> None:
    drawing = (ROOT / "docs" / "images" / "rooms.svg").read_text()
    arrows = {f"{room} → {other}" for room, others in needed(imports.rooms).items() for other in others}
    redraw = "python -m tests.architecture.import_graph --svg docs/images/rooms.svg"
    assert set(re.findall(r"<title>(.*?)</title>", drawing)) == arrows, redraw
    assert set(re.findall(r"<text[^>]*>([a-z]\w*)</text>", drawing)) == set(imports.rooms), redraw


def test_the_architectures_document_says_what_each_room_is_for(imports: Imports) -> None:
    document = (ROOT / "docs" / "architecture.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE)) == set(imports.rooms)
