"""Compare the reports that two versions of Anatomy wrote of the same runs.

    anatomy report RUN --format csv,md,html --out BEFORE    # with one version
    anatomy report RUN --format csv,md,html --out AFTER     # with the other
    python tests/reports/compare_reports.py BEFORE AFTER

Prints how many files of each kind are equal byte for byte, and the changed lines of the others. Exit code 1: a table
(CSV) differs or is missing.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path


def compare(before: Path, after: Path) -> int:
    """Print what differs between two folders of reports; return the exit code."""
    names = sorted({path.relative_to(folder) for folder in (before, after) for path in folder.rglob("*.*")})
    different = [name for name in names if _bytes(before / name) != _bytes(after / name)]
    for suffix in sorted({name.suffix for name in names}):
        equal = [name for name in names if name.suffix == suffix and name not in different]
        print(f"{suffix}: {len(equal)} of {sum(name.suffix == suffix for name in names)} files are equal byte for byte")
    for name in different:
        old, new = (_bytes(folder / name).decode().splitlines() for folder in (before, after))
        changes = [
            line[:200] for line in difflib.unified_diff(old, new, lineterm="", n=0) if line[:2] not in ("--", "++")
        ]
        print(f"\n{name}:", *changes, sep="\n")
    return int(any(name.suffix == ".csv" for name in different))


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


if __name__ == "__main__":
    sys.exit(compare(Path(sys.argv[1]), Path(sys.argv[2])))
