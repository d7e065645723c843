"""Accept Anatomy on a machine with a GPU: run every part, print the verdicts, write `gpu-acceptance.json`.

    python -m tests.gpu.acceptance --out gpu-acceptance

Needs torch, JAX and what the folder of `make_kit.py` brings; no network and no TensorFlow. With `--stand-in` it runs on
a CPU with recorded answers of NVML and small models. Exit codes: 0 no part failed, 1 one did, 2 it could not run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.gpu.requirements_check import missing_distributions

RESULT_FILE = "gpu-acceptance.json"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu-acceptance"), help="a new folder for the result")
    parser.add_argument("--stand-in", action="store_true", help="run on the CPU with recorded answers of NVML")
    parser.add_argument("--part", action="append", metavar="NAME", help="only this part; may be repeated")
    given = parser.parse_args()
    if missing := missing_distributions():
        print("\n".join(("missing:", *(f"  {line}" for line in missing))), file=sys.stderr)
        return 2
    return accept(given.out, given.stand_in, given.part)


def accept(out: Path, stand_in: bool, names: list[str] | None = None) -> int:
    """Run the parts of these names, by default all, and write the result.

    Returns:
        The exit code.
    """
    # What these import is known to be there only now.
    from anatomy.bench.machine.collect_environment import collect
    from tests.gpu.acceptance_result import VERDICTS, Acceptance, combine
    from tests.gpu.parts import PARTS, run_planned

    known = [planned.name for planned in PARTS]
    if unknown := set(names or ()) - set(known):
        print(f"--part {', '.join(sorted(unknown))}: expected {', '.join(known)}", file=sys.stderr)
        return 2
    if out.exists():
        print(f"{out} exists: give --out a new folder", file=sys.stderr)
        return 2
    environment = collect()
    if not environment.gpus and not stand_in:
        print("no GPU: NVML lists none; --stand-in runs every part on the CPU", file=sys.stderr)
        return 2
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    start = time.perf_counter()
    parts = []
    for planned in PARTS:
        if names and planned.name not in names:
            continue
        print(f"{planned.name}: {planned.shows}", flush=True)
        part = run_planned(planned, out, stand_in)
        parts.append(part)
        judged = Counter(figure.verdict for figure in part.figures)
        counts = ", ".join(f"{judged[verdict]} {verdict}" for verdict in VERDICTS)
        print(f"  {part.verdict} in {part.seconds:.0f} s ({counts}) {part.reason}".rstrip(), flush=True)
    result = Acceptance(
        stand_in=stand_in,
        verdict=combine([part.verdict for part in parts]),
        started_at=started_at,
        seconds=time.perf_counter() - start,
        environment=environment,
        parts=tuple(parts),
    )
    (out / RESULT_FILE).write_text(result.model_dump_json(indent=1) + "\n")
    print(f"{result.verdict} in {result.seconds:.0f} s: {out / RESULT_FILE}")
    return 1 if result.verdict == "failed" else 0


if __name__ == "__main__":
    sys.exit(main())
