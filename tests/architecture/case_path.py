"""The calls between files that one case makes: `python -m tests.architecture.case_path [TREE] [ARGUMENTS…]`.

Runs `anatomy run` of a tree with a profiling function in each of its Python processes. Prints as Markdown, for each
process, how many calls lead from one file to another, how many of them from the command line into other rooms, and
which of them lead up. ARGUMENTS are those of `anatomy run`, by default `mlp --backend jax --mode infer --seconds 0.2`.

Each pair of files counts once, however often it calls. A call leads **up** where its target is in a room of a higher
layer, or in the same room and imports the caller, directly or by other files: the caller was given a function or an
object, such as a listener.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.import_graph import (
    ROOT,
    Graph,
    Imports,
    floors,
    link_packages,
    read_imports,
    room_of,
    with_contract,
)

HOOK = Path(__file__).with_name("call_recorder.py")
CASE = ["mlp", "--backend", "jax", "--mode", "infer", "--seconds", "0.2"]


@dataclass(frozen=True)
class Call:
    """The first call from one file to another in a process."""

    caller: str
    caller_function: str
    callee: str
    callee_function: str


def record_calls(tree: Path, arguments: Sequence[str]) -> list[tuple[str, list[Call]]]:
    """Run one command and list the calls of each process, in the order in which they were first made.

    Raises:
        subprocess.CalledProcessError: the run failed.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in ("site", "calls", "run"):
            (folder / name).mkdir()
        link_packages(tree, folder / "site")
        # Python imports `sitecustomize` at the start of every process.
        (folder / "site" / "sitecustomize.py").write_text(HOOK.read_text())
        environment = {
            **os.environ,
            "PYTHONPATH": str(folder / "site"),
            "RECORDED_CALLS": str(folder / "calls"),
            "ANATOMY_HISTORY": "off",
        }
        command = [sys.executable, "-m", "anatomy.bench.cli", "run", *arguments, "--out", "record"]
        subprocess.run(command, cwd=folder / "run", env=environment, check=True, stdout=subprocess.DEVNULL)
        files = sorted((folder / "calls").iterdir(), key=lambda path: int(path.name))
        found = [[json.loads(line) for line in path.read_text().splitlines()] for path in files]
    return [(process, [Call(*call) for call in calls]) for process, *calls in found if calls]


def leads_up(call: Call, imports: Imports, layer: Mapping[str, int]) -> bool:
    """Tell whether the target of a call lies above the caller."""
    above, below = layer[room_of(call.callee)], layer[room_of(call.caller)]
    if room_of(call.callee) == room_of(call.caller):
        return call.caller in reachable(call.callee, imports.modules)
    return above > below


def reachable(module: str, imports: Graph) -> set[str]:
    """List what a module imports, directly or by others."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = set(imports.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def report(processes: Sequence[tuple[str, list[Call]]], imports: Imports) -> Iterator[str]:
    """Write Markdown: a row for each process, then the calls that lead up."""
    layer = floors(with_contract(imports))
    up = [(process, call) for process, calls in processes for call in calls if leads_up(call, imports, layer)]
    yield "| process | files | calls from file to file | from room to room | from the command line | up |"
    yield "|---|---:|---:|---:|---:|---:|"
    for process, calls in processes:
        hops = [(room_of(call.caller), room_of(call.callee)) for call in calls]
        cells = (
            process,
            len({name for call in calls for name in (call.caller, call.callee)}),
            len(calls),
            len({(caller, callee) for caller, callee in hops if caller != callee}),
            sum(caller == "cli" != callee for caller, callee in hops),
            sum(where == process for where, _ in up),
        )
        yield f"| {' | '.join(map(str, cells))} |"
    yield "\n| up, in | from | to |\n|---|---|---|"
    for process, call in up:
        yield (
            f"| {process} | {call.caller.removeprefix('anatomy.')} `{call.caller_function}` "
            f"| {call.callee.removeprefix('anatomy.')} `{call.callee_function}` |"
        )


def main() -> None:
    """Print the calls of one case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", type=Path, default=ROOT)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.add_argument("--all", action="store_true", help="print every call, in order")
    options = parser.parse_args()
    processes = record_calls(options.tree, options.arguments or CASE)
    print("\n".join(report(processes, read_imports(options.tree))))
    if options.all:
        for process, calls in processes:
            for call in calls:
                print(process, call.caller, call.caller_function, "→", call.callee, call.callee_function)


if __name__ == "__main__":
    main()
