"""What the documents show can be run: every block of commands, Python or TOML that is not marked as an example.

A comment before a block marks it: `<!-- slow -->` for the lane of slow tests, `<!-- example: WHY -->` for what is not
run.
Blocks run in order in one folder for each document, which has the names that the documents use for the reader's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_docs import DOCUMENTS, ROOT

_BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_RUN = ("console", "sh", "python", "toml")
# What a reader must replace, and the folder for the blocks does not have.
_PLACEHOLDER = re.compile(r"…|\bHOST\b|\bKEY\b|\bNAME\b|\borigin/main\b|\bv1\.2\b")
_MODELS = """
import keras

def build():
    return keras.Sequential([keras.Input((16,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(4)])
"""
_OPEN = """
import keras

def net():
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(100, 8)(tokens))
    return keras.Model(tokens, keras.layers.Dense(2)(hidden))
"""


@dataclass(frozen=True)
class Block:
    """A block of a document: `slow` or `example: why` is its mark."""

    document: str
    kind: str
    text: str
    mark: str


def blocks_of(document: str, text: str) -> Iterator[Block]:
    for found in _BLOCK.finditer(text):
        if found["kind"] in _RUN:
            yield Block(document, found["kind"], found["text"], found["mark"] or "")


BLOCKS = [block for document, text in DOCUMENTS.items() for block in blocks_of(document, text)]


def runnable(slow: bool) -> list[str]:
    """The documents with a block for this lane."""
    marks = ("", "slow") if slow else ("",)
    return sorted({block.document for block in BLOCKS if block.kind != "toml" and block.mark in marks})


def test_every_block_is_found_and_a_mark_says_why() -> None:
    fences = sum(len(re.findall(rf"^```(?:{'|'.join(_RUN)})$", text, re.MULTILINE)) for text in DOCUMENTS.values())
    assert len(BLOCKS) == fences > 50
    wrong = [block.mark for block in BLOCKS if block.mark and not re.fullmatch(r"slow|example: .+", block.mark)]
    assert wrong == []


def test_what_a_reader_must_replace_is_marked() -> None:
    commands = [block for block in BLOCKS if block.kind != "toml" and not block.mark.startswith("example")]
    assert [block for block in commands if _PLACEHOLDER.search(block.text)] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.kind == "toml"], ids=lambda block: block.document)
def test_toml_is_read(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with what the documents call the reader's own, and a run."""
    for name, text in {"mypackage/models.py": _MODELS, "path/to/file.py": _OPEN, "mypackage/__init__.py": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("anatomy-runs/RUN", "RUN_A", "RUN_B"):
        (tmp_path / name).mkdir(parents=True)
        for file in ("run.json", "records.jsonl"):
            shutil.copy(ROOT / "reports/examples/quick" / file, tmp_path / name / file)
    for name in ("tests", "reports"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".gitignore").write_text("anatomy-runs/\nRUN_*/\n")
    identity = ("-c", "user.name=reader", "-c", "user.email=reader@example.org")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "models")):
        subprocess.run(("git", *command), cwd=tmp_path, check=True)
    return tmp_path


def add_to_history(folder: Path, environment: dict[str, str]) -> None:
    """The history that a reader has after a first run."""
    command = ("anatomy", "history", "add", "anatomy-runs/RUN")
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)


def run_blocks(document: str, folder: Path, *, slow: bool) -> None:
    """Run the document's blocks in order; those of Python in one program, as a reader of the page would."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ANATOMY_HISTORY": f"sqlite:///{folder}/history.sqlite",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "COLUMNS": "80",
    }
    if "history" in document:
        add_to_history(folder, environment)
    wanted = [
        block for block in BLOCKS if block.document == document and block.mark in (("", "slow") if slow else ("",))
    ]
    commands = [
        line.removeprefix("$ ")
        for block in wanted
        if block.kind in ("console", "sh")
        for line in block.text.splitlines()
        if line.startswith("$ ") or block.kind == "sh"
    ]
    program = "\n".join(block.text for block in wanted if block.kind == "python")
    scripts = [("bash", "-c", command) for command in commands] + ([(sys.executable, "-c", program)] if program else [])
    for script in scripts:
        ended = subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{document}: {script[-1]}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"


@pytest.mark.process
@pytest.mark.extended
@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", runnable(slow=False))
def test_blocks_run_as_they_stand(document: str, folder: Path) -> None:
    run_blocks(document, folder, slow=False)


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("document", sorted({block.document for block in BLOCKS if block.mark == "slow"}))
def test_slow_blocks_run_as_they_stand(document: str, folder: Path) -> None:
    run_blocks(document, folder, slow=True)
