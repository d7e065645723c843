"""Give this Anatomy to an interpreter that lacks it, by path: the same code measures both sides."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from anatomy.bench.errors.anatomy_error import SetupError, UsageError

# What a worker imports, beside a backend.
NEEDED = ("keras", "numpy", "pydantic", "psutil", "scipy")


def inject_anatomy(folder: Path, zoo: Path | None = None) -> dict[str, str]:
    """Link this Anatomy into `folder`; returns the environment variable that makes Python import it from there.

    Args:
        folder: an empty folder.
        zoo: the `models` folder of another checkout of Anatomy, to be used instead of this one's.
    """
    package = folder / "anatomy"
    package.mkdir(parents=True, exist_ok=True)
    for name in ("bench", "models", "reports"):
        spec = find_spec(f"anatomy.{name}")
        assert spec is not None
        assert spec.submodule_search_locations
        source = zoo if zoo is not None and name == "models" else Path(next(iter(spec.submodule_search_locations)))
        (package / name).symlink_to(source.resolve(), target_is_directory=True)
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{before}" if before else str(folder)}


def examine_interpreter(python: str) -> str:
    """Describe an interpreter: `Python 3.12.1, /envs/old/bin/python`.

    Raises:
        UsageError: it does not run.
        SetupError: it lacks a package that a worker needs.
    """
    found = shutil.which(python)
    if found is None:
        raise UsageError(f"python:{python}: no such interpreter; expected e.g. python:/path/to/venv/bin/python")
    code = (
        "import platform, importlib.util as u;"
        f"print(platform.python_version(), *(n for n in {NEEDED!r} if u.find_spec(n) is None))"
    )
    try:
        done = subprocess.run([found, "-c", code], capture_output=True, check=True, timeout=60)
        version, *missing = done.stdout.decode("ascii").split()
    except (subprocess.SubprocessError, ValueError) as error:
        said = error.stderr.decode("utf-8", "replace") if isinstance(error, subprocess.CalledProcessError) else error
        raise UsageError(f"python:{python} is no Python interpreter: {str(said).strip()[-200:]}") from error
    if missing:
        raise SetupError(
            f"{python} lacks {', '.join(missing)}, which a worker needs; {python} -m pip install {' '.join(missing)}"
        )
    return f"Python {version}, {python}"
