"""One part in this process: `python -m tests.gpu.part_process PART FOLDER [--stand-in]`."""

from __future__ import annotations

import argparse
import shutil
from importlib import import_module
from pathlib import Path

from tests.gpu.part_report import PartReport, read_figures
from tests.gpu.parts import PARTS
from tests.gpu.setting import ON_CPU, ON_GPU


def main() -> None:
    """The command."""
    by_name = {planned.name: planned for planned in PARTS}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=by_name)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stand-in", action="store_true")
    given = parser.parse_args()
    planned = by_name[given.part]
    report = PartReport(given.folder, planned.budget(given.stand_in))
    import_module(planned.module).run_part(ON_CPU if given.stand_in else ON_GPU, report)
    # Of what failed, the workers' logs are wanted.
    if all(figure.verdict != "failed" for figure in read_figures(given.folder)):
        shutil.rmtree(report.work)


if __name__ == "__main__":
    main()
