"""The templates for SLURM: sound shell, and options that `anatomy run` has. No SLURM is there to run them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "slurm"
FILES = sorted(FOLDER.glob("*.sbatch"))


def test_both_are_there() -> None:
    assert [file.name for file in FILES] == ["anatomy-cluster.sbatch", "anatomy.sbatch"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_bash_can_read_it(file: Path) -> None:
    subprocess.run(["bash", "-n", str(file)], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck (Debian: shellcheck)")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_shellcheck_finds_nothing(file: Path) -> None:
    done = subprocess.run(["shellcheck", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_has_the_node_to_itself_and_every_option_is_one(file: Path) -> None:
    from typer.main import get_command

    from anatomy.bench.cli.main import app

    text = file.read_text()
    assert "\n#SBATCH --exclusive\n" in text
    run = get_command(app).commands["run"]  # type: ignore[attr-defined]  # typer's group has commands
    known = {option for parameter in run.params for option in parameter.opts}
    call = text[text.rindex("anatomy run") :]
    used = set(re.findall(r"(?<!\S)--[a-z-]+", call))
    assert {"--suite", "--out"} <= used <= known
