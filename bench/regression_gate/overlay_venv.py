"""An environment for a revision whose dependencies differ: the current one underneath, what differs on top.

Only what the revision asks for otherwise is installed: the packages of the current environment stay importable below
it, so that two sides that differ in one package share all the others.
"""

from __future__ import annotations

import site
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anatomy.bench.errors.anatomy_error import SetupError

INSTALL_TIMEOUT_S = 1800.0
REQUIREMENTS = "requirements*.txt"


def dependencies_differ(base: Path, candidate: Path) -> list[str]:
    """What declares other dependencies in the two trees: names of files, empty when all agree."""
    found = []
    if _declared(base) != _declared(candidate):
        found.append("pyproject.toml")
    names = {path.name for tree in (base, candidate) for path in tree.glob(REQUIREMENTS)}
    found += [name for name in sorted(names) if _text(base / name) != _text(candidate / name)]
    return found


def requirements_of(tree: Path) -> list[str]:
    """Arguments of `pip install` for what a tree declares: its requirements files, else its project's dependencies."""
    files = sorted(path.name for path in tree.glob(REQUIREMENTS))
    if files:
        return [argument for name in files for argument in ("-r", name)]
    return list(_declared(tree)["dependencies"])


def make_overlay(folder: Path, tree: Path, install: Sequence[str]) -> str:
    """A virtual environment in `folder` with what `install` says on top of the current one; its interpreter.

    Args:
        tree: where pip runs, so that relative paths in `install` are the revision's.
        install: arguments of `pip install`.

    Raises:
        SetupError: pip failed; the message has the end of what it said.
    """
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    python = folder / "bin" / "python"
    _put_underneath(folder)
    if install:
        # The current environment's pip, which the new interpreter can import from underneath.
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *install],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_TIMEOUT_S,
        )
        if done.returncode:
            said = " | ".join(line for line in done.stderr.splitlines() if line.strip())[-500:]
            raise SetupError(f"the base's dependencies could not be installed: pip install {' '.join(install)}: {said}")
    return str(python)


def _put_underneath(folder: Path) -> None:
    """Add the current environment's packages after the overlay's own, with their `.pth` files."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    own = folder / "lib" / version / "site-packages"
    below = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()])
    lines = [f"import site; site.addsitedir({path!r})" for path in below if Path(path).is_dir()]
    (own / "_anatomy_underneath.pth").write_text("\n".join(lines) + "\n")


def _declared(tree: Path) -> dict[str, Any]:
    file = tree / "pyproject.toml"
    data = tomllib.loads(file.read_text()) if file.exists() else {}
    project = data.get("project", {})
    return {
        "dependencies": project.get("dependencies", []),
        "optional": project.get("optional-dependencies", {}),
        "groups": data.get("dependency-groups", {}),
    }


def _text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
