"""A virtual environment for a revision with other dependencies, on top of the current environment.

Only what the revision declares is installed. The packages of the current environment stay importable: two sides that
differ in one package share all others.
"""

from __future__ import annotations

import site
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.pyproject import PYPROJECT, read_pyproject

INSTALL_TIMEOUT_S = 1800.0
REQUIREMENTS = "requirements*.txt"


def dependencies_differ(base: Path, candidate: Path) -> list[str]:
    """Names of the files that declare other dependencies in the two trees; empty where all agree."""
    ours, theirs = (
        (found.project.model_dump(exclude={"name"}), found.dependency_groups)
        for found in map(read_pyproject, (base, candidate))
    )
    found = [PYPROJECT] if ours != theirs else []
    names = {path.name for tree in (base, candidate) for path in tree.glob(REQUIREMENTS)}
    found += [name for name in sorted(names) if _text(base / name) != _text(candidate / name)]
    return found


def requirements_of(tree: Path) -> list[str]:
    """Arguments of `pip install` for the requirements files of a tree, else for its project's dependencies."""
    files = sorted(path.name for path in tree.glob(REQUIREMENTS))
    if files:
        return [argument for name in files for argument in ("-r", name)]
    return read_pyproject(tree).project.dependencies


def overlay_venv(folder: Path, tree: Path, install: Sequence[str]) -> str:
    """Make a virtual environment on top of the current one; returns its interpreter.

    Args:
        folder: where to make it.
        tree: where pip runs; relative paths in `install` start there.
        install: arguments of `pip install`.

    Raises:
        SetupError: pip failed; the message has the end of its output.
    """
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    python = folder / "bin" / "python"
    _put_underneath(folder)
    if install:
        # The current environment's pip, which the new interpreter can import from underneath.
        command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *install]
        try:
            subprocess.run(command, cwd=tree, capture_output=True, check=True, timeout=INSTALL_TIMEOUT_S)
        except subprocess.SubprocessError as error:
            output = (getattr(error, "stderr", None) or str(error).encode()).decode("utf-8", "replace")
            said = " | ".join(line for line in output.splitlines() if line.strip())[-500:]
            what = f"pip install {' '.join(install)}: {said}"
            raise SetupError(f"the base's dependencies could not be installed: {what}") from error
    return str(python)


def _put_underneath(folder: Path) -> None:
    """Make the current environment's packages importable after the overlay's, with their `.pth` files."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = folder / "lib" / version / "site-packages"
    below = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()])
    lines = [f"import site; site.addsitedir({path!r})" for path in below if Path(path).is_dir()]
    (own / "_anatomy_underneath.pth").write_text("\n".join(lines) + "\n")


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
