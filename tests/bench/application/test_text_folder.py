"""Texts in the layout of 20 Newsgroups, and what is wrong with other folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.application import text_folder
from anatomy.bench.errors.anatomy_error import UsageError
from tests.bench.application import slides

FILES = {
    "sci.space/10": b"From: a\nSubject: b\n\nThe moon\r\nis far.\n",
    "sci.space/9": b"no header at all",
    "rec.autos/1": b"\n\nbegins with a blank line",
    "rec.autos/2": b"Lines: 1\r\n\r\nCaf\xe9 \xff\n\nand more",
    "rec.autos/notes.txt": b"not named by digits",
    "README": b"not in a folder",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_the_texts_are_those_of_the_slides(folder: Path) -> None:
    found, counted = text_folder.scan(folder), list[int]()
    texts = text_folder.decode(text_folder.read(found.paths, counted.append), found.paths)
    theirs, labels, index = slides.read_texts(folder)
    assert texts == theirs
    assert found.labels.tolist() == labels
    assert {name: number for number, name in enumerate(found.classes)} == index
    assert sum(counted) == len(texts) == 4
    assert text_folder.decode(text_folder.read(found.paths), found.paths, headers=True)[2].startswith("From: a")


def load(folder: Path) -> list[str]:
    found = text_folder.scan(folder)
    return text_folder.decode(text_folder.read(found.paths), found.paths)


def refusal(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load(folder)
    return str(caught.value)


def test_other_folders_are_refused_in_a_sentence(folder: Path) -> None:
    assert refusal(folder / "none").startswith(f"{folder / 'none'}: no such folder; expected one folder for each class")
    assert "no folders, and there is nothing to tell apart" in refusal(folder / "sci.space")
    (folder / "empty").mkdir()
    assert "no file that is named by digits in empty" in refusal(folder)
    (folder / "empty").rmdir()
    (folder / "rec.autos" / "3").write_bytes(b"GIF89a\0\1")
    assert refusal(folder).startswith(f"{folder / 'rec.autos' / '3'}: not a text, since byte 6 of it is 0")
    for file in (folder / "rec.autos").iterdir():
        file.unlink()
    (folder / "rec.autos").rmdir()
    assert "one class, sci.space, and there is nothing to tell apart" in refusal(folder)


@settings(deadline=None)
@given(st.text("ab\r\n:", max_size=30).map(str.encode), st.integers(0, 1))
def test_line_ends_and_headers_are_those_of_a_text_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, other: int
) -> None:
    folder = tmp_path_factory.mktemp("texts")
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / str(other)).write_bytes(content)
    found = text_folder.scan(folder)
    assert text_folder.decode(text_folder.read(found.paths), found.paths) == slides.read_texts(folder)[0]
