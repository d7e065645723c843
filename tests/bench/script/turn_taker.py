"""Run a script up to its clock, then take turns: `turn_taker.py SCRIPT`.

Each line of standard input is a number of steps; they are timed by the script's own `timed`, one at a time, and the
seconds a step are printed. Between turns the process sleeps.
"""

import sys
import time
from pathlib import Path
from typing import Any

from anatomy.bench.measurement.alternating_steps import rest

WARMUP_S = 1.0


def main():
    """Build and warm up as the script does, then obey."""
    path = Path(sys.argv[1])
    text = path.read_text()
    names: dict[str, Any] = {"__name__": "script"}
    exec(compile(text[: text.index("\nwarm, end = ")], str(path), "exec"), names)
    timed = names["timed"]
    end = time.perf_counter() + WARMUP_S
    while timed(1) and time.perf_counter() < end:
        pass
    rest()
    print("ready", flush=True)
    for line in sys.stdin:
        steps = int(line)
        seconds = sum(timed(1) for _ in range(steps)) / steps
        rest()
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
