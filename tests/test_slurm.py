"""The templates for SLURM are sound shell. There is no SLURM here to run them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from anatomy.bench.cli.main import app

TEMPLATES = sorted((Path(__file__).parents[1] / "docs" / "slurm").glob("*.sbatch"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_sound_shell(template: Path) -> None:
    subprocess.run(["bash", "-n", template], check=True)
    if shutil.which("shellcheck") is None:
        pytest.skip("ShellCheck is not installed (Debian: shellcheck)")
    # Activating an environment that is not there yet cannot be followed.
    done = subprocess.run(["shellcheck", "--exclude=SC1091", template], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_it_uses_options_that_there_are(template: Path) -> None:
    run = get_command(app).commands["run"]  # type: ignore[attr-defined]
    known = {option for parameter in run.params for option in parameter.opts}
    code = "\n".join(line for line in template.read_text().splitlines() if not line.startswith("#"))
    (call,) = re.findall(r"anatomy run (.*)", code.replace("\\\n", " "))
    used = set(re.findall(r"--[a-z-]+", call))
    assert {"--out"} < used <= known
