"""Make the folder for a machine with a GPU, torch and JAX, and neither a network nor TensorFlow.

    python -m tests.gpu.make_kit gpu-kit --python 3.12

It holds our wheel, the wheels of what the acceptance needs beside torch, JAX and what JAX brings, the acceptance
with its data, and `install.sh`. What is larger than the limit is refused.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.gpu.requirements_check import FRAMEWORKS, LEFT_OUT, name_of

ROOT = Path(__file__).parents[2]
MOST_BYTES = 60_000_000
# JAX requires them (https://docs.jax.dev/en/latest/installation.html): a machine with JAX has them.
BROUGHT_BY_JAX = ("ml_dtypes", "numpy", "opt_einsum", "scipy")
REQUIREMENTS = "requirements.txt"
# What the acceptance imports and reads beside the package, with each folder's `__init__.py`.
PROGRAM = (
    "tests/gpu",
    "tests/data/faults.py",
    "tests/data/nvml",
    "tests/bench/gpu_trace/hand_made.py",
    "tests/bench/machine/telemetry/nvml_answers.py",
    "tests/bench/machine/telemetry/record_session.py",
    "tests/bench/machine/telemetry/replay.py",
)
_OLDEST_GLIBC = 5
_INSTALL = """#!/bin/sh
# Into a new environment `env` here, on top of the packages of PYTHON (by default python3), which has torch and JAX.
set -e
cd "$(dirname "$0")"
"${PYTHON:-python3}" -m venv --system-site-packages env
env/bin/python -m pip install --no-index --find-links wheels -r requirements.txt
env/bin/python -m pip install --no-index --no-deps wheels/keras_anatomy-*.whl
"""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--python", default="3.11", help="version of Python of the machine: 3.11, 3.12, …")
    parser.add_argument("--platform", default="manylinux_2_28_x86_64", help="newest platform that the machine takes")
    given = parser.parse_args()
    if given.folder.exists():
        parser.error(f"{given.folder} exists: give a new folder")
    try:
        platforms = older_platforms(given.platform)
    except ValueError as error:
        parser.error(str(error))
    wheels = given.folder / "wheels"
    wheels.mkdir(parents=True)
    requirements = our_requirements()
    (given.folder / REQUIREMENTS).write_text("".join(f"{one}\n" for one in requirements))
    build_wheel(wheels)
    download(requirements, wheels, given.python, platforms)
    copy_program(given.folder)
    (given.folder / "install.sh").write_text(_INSTALL)
    size = size_of(given.folder)
    print(f"{given.folder}: {len(list(wheels.iterdir()))} wheels, {size / 1e6:.1f} MB")
    if size > MOST_BYTES:
        largest = sorted(wheels.iterdir(), key=lambda path: -path.stat().st_size)[:5]
        said = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in largest)
        shutil.rmtree(given.folder)
        print(f"more than {MOST_BYTES / 1e6:.0f} MB, removed; the largest: {said}", file=sys.stderr)
        return 1
    return 0


def our_requirements() -> list[str]:
    """Our dependencies without those that the acceptance does without."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [one for one in project["dependencies"] if name_of(one) not in LEFT_OUT]


def older_platforms(platform: str) -> list[str]:
    """A manylinux platform and those whose wheels run on it, too, by the versions of glibc (PEP 600).

    Raises:
        ValueError: it is no `manylinux_2_N_ARCHITECTURE`.
    """
    prefix, _, rest = platform.partition("_2_")
    glibc, _, architecture = rest.partition("_")
    if prefix != "manylinux" or not glibc.isdecimal() or not architecture:
        raise ValueError(f"--platform {platform}: expected manylinux_2_N_ARCHITECTURE, such as manylinux_2_28_x86_64")
    numbered = [f"manylinux_2_{number}_{architecture}" for number in range(int(glibc), _OLDEST_GLIBC - 1, -1)]
    return [*numbered, *(f"manylinux{year}_{architecture}" for year in ("2014", "2010", "1"))]


def build_wheel(wheels: Path) -> None:
    """Build our own wheel into the folder."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))


def download(requirements: list[str], wheels: Path, python: str, platforms: list[str]) -> None:
    """Download wheels for another Python and platforms, and remove those that the machine has."""
    on = [part for platform in platforms for part in ("--platform", platform)]
    of_python = ("--implementation", "cp", "--python-version", python, "--only-binary=:all:")
    _pip("download", "--dest", str(wheels), *of_python, *on, *requirements)
    for name in (*FRAMEWORKS, *BROUGHT_BY_JAX):
        for wheel in wheels.glob(f"{name}-*.whl"):
            wheel.unlink()


def copy_program(folder: Path) -> None:
    """Copy the acceptance and its data, without its own tests."""
    for name in PROGRAM:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "test_*"))
        else:
            shutil.copy(source, target)
        for package in Path(name).parents[:-1]:
            if (ROOT / package / "__init__.py").exists():
                shutil.copy(ROOT / package / "__init__.py", folder / package)


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True)


if __name__ == "__main__":
    sys.exit(main())
