"""Build wheel and sdist, install each in a fresh environment, and use it: `python tests/check_distributions.py`.

Frameworks are left out: what is checked is that every file is there, and that commands which need no framework run.
Both environments have the same dependencies, in a folder of their own, which take most of the time to install.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bench", "models", "reports")
# Tracked below the packages' folders, and no part of them.
LEFT_OUT = ("bench/benchmark_items/", "reports/examples/")
FRAMEWORKS = ("tensorflow", "tensorboard", "keras")
EXAMPLE = ROOT / "reports" / "examples" / "quick"
REQUIREMENTS = """
from importlib.metadata import requires
print("\\n".join(one for one in requires("keras-anatomy") or [] if "extra ==" not in one))
"""
WHERE = "import anatomy.bench, anatomy.models, anatomy.reports as r; print(r.__file__); print(anatomy.bench.__file__)"


def main() -> None:
    """Check both distributions; ends with status 1 and a sentence where one lacks something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder in which the distributions are left")
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as folder:
        built = build(keep or Path(folder) / "dist")
        dependencies = Path(folder) / "dependencies"
        for distribution in built:
            check(distribution, Path(folder) / distribution.suffix.strip("."), dependencies)
            print(f"{distribution.name}: {len(tracked_files())} files, {len(commands(Path()))} commands")


def build(folder: Path) -> list[Path]:
    """The sdist, and the wheel that is built from it."""
    run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)])
    found = sorted(folder.glob("keras_anatomy-*"))
    if [path.suffix for path in found] != [".whl", ".gz"]:
        raise SystemExit(f"expected a wheel and an sdist in {folder}, got {[path.name for path in found]}")
    return found


def check(distribution: Path, environment: Path, dependencies: Path) -> None:
    """Install a distribution in a fresh environment, and use it.

    Args:
        dependencies: folder of what it needs, but no framework; filled by the first distribution, for all environments.
    """
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*install, "--no-deps", str(distribution)])
    wanted = run([str(python), "-c", REQUIREMENTS])
    stored = dependencies / "wanted.txt"
    if not dependencies.exists():
        needed = [one for one in wanted.splitlines() if not one.startswith(FRAMEWORKS)]
        run([*install, "--no-compile", "--target", str(dependencies), *needed])
        stored.write_text(wanted)
    if wanted != stored.read_text():
        raise SystemExit(f"{distribution.name} needs other packages than the one before:\n{wanted}{stored.read_text()}")
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    # Not in the tree, whose folders would be imported in place of what is installed.
    reports, bench = map(Path, run([str(python), "-c", WHERE], environment).split())
    require_files(
        distribution, {"reports": reports.parent, "bench": bench.parent, "models": bench.parents[1] / "models"}
    )
    for command in commands(environment / "bin"):
        run(command, environment)


def tracked_files() -> list[str]:
    """What git tracks of the packages."""
    listed = run(["git", "ls-files", *PACKAGES], ROOT).splitlines()
    return [path for path in listed if not path.startswith(LEFT_OUT)]


def require_files(distribution: Path, installed: dict[str, Path]) -> None:
    """Every tracked file is installed."""
    missing = []
    for path in tracked_files():
        package, _, rest = path.partition("/")
        if not (installed[package] / rest).is_file():
            missing.append(path)
    if missing:
        raise SystemExit(f"{distribution.name} lacks {', '.join(missing)}: see [tool.setuptools] in pyproject.toml")


def commands(bin_folder: Path) -> list[list[str]]:
    """Commands that need no framework: the templates, the migrations and the suites are read by them."""
    anatomy = str(bin_folder / "anatomy")
    return [
        [anatomy, "--help"],
        [anatomy, "--version"],
        [anatomy, "list"],
        [anatomy, "report", str(EXAMPLE), "--out", "report"],
        [anatomy, "history", "add", str(EXAMPLE), "--db", "sqlite:///history.db"],
    ]


def run(command: Sequence[str], directory: Path = ROOT) -> str:
    """Standard output of a program; its whole output, and the end of this one, where it fails."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PIP_CONSTRAINT")}
    done = subprocess.run(command, cwd=directory, env=clean, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
