"""The import graph of a tree: `python -m tests.architecture.import_graph [TREE] [--svg FILE]`.

Prints Markdown: the rooms and their layers, files without a room, circles of imports, names that two files share. A
room is a package or a file directly in `bench/`; `models` and `reports` are one room each. TREE is a folder with
`bench/`, `models/` and `reports/`, by default this repository. `--svg` draws the rooms on their layers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import grimp
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tests.architecture.layered_drawing import draw

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", "models", "reports")
Graph = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Imports:
    """Modules, the modules that each imports, and the layers that the tree's own contract gives its rooms."""

    modules: Graph
    contract: Sequence[Collection[str]]

    @property
    def rooms(self) -> dict[str, set[str]]:
        """The rooms, and the other rooms that each imports."""
        found: dict[str, set[str]] = {room_of(module): set() for module in self.modules}
        for module, imported in self.modules.items():
            found[room_of(module)] |= {room_of(other) for other in imported} - {room_of(module)}
        return found


def read_imports(tree: Path) -> Imports:
    """Read the imports of a tree without importing it."""
    with tempfile.TemporaryDirectory() as made:
        link_packages(tree, Path(made))
        sys.path.insert(0, made)
        try:
            graph = grimp.build_graph(*(f"anatomy.{package}" for package in PACKAGES), cache_dir=None)
        finally:
            sys.path.remove(made)
    modules = {
        module: {other for other in graph.find_modules_directly_imported_by(module) if other in graph.modules}
        for module in sorted(graph.modules)
    }
    contracts = tomllib.loads((tree / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return Imports(modules, [[name.strip().split(".")[-1] for name in layer.split("|")] for layer in layers])


def link_packages(tree: Path, folder: Path) -> None:
    """Let `anatomy.bench` and its siblings in `folder` lead to those of a tree."""
    (folder / "anatomy").mkdir()
    for package in PACKAGES:
        (folder / "anatomy" / package).symlink_to(tree.resolve() / package)


def room_of(module: str) -> str:
    """Name the room of a module: `runner` of `anatomy.bench.runner.worker`, `reports` of `anatomy.reports.html`."""
    _, package, *rest = module.split(".")
    return rest[0] if package == "bench" and rest else package


def circles(graph: Graph) -> list[list[str]]:
    """Find the groups of nodes that import one another, each sorted."""
    nodes = sorted(graph)
    index = {node: number for number, node in enumerate(nodes)}
    edges = [(index[node], index[other]) for node in nodes for other in graph[node]]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    matrix = csr_array((np.ones(len(edges)), (rows, columns)), shape=(len(nodes), len(nodes)))
    _, labels = connected_components(matrix, connection="strong")
    groups: dict[int, list[str]] = defaultdict(list)
    for node, label in zip(nodes, labels, strict=True):
        groups[int(label)].append(node)
    return [group for group in groups.values() if len(group) > 1]


def floors(graph: Graph) -> dict[str, int]:
    """Number the floors of an acyclic graph from 0: every node lies above all that it imports."""
    found: dict[str, int] = {}

    def floor(node: str) -> int:
        if node not in found:
            found[node] = 1 + max((floor(other) for other in graph[node]), default=-1)
        return found[node]

    for node in graph:
        floor(node)
    return found


def with_contract(imports: Imports) -> dict[str, set[str]]:
    """Add to the imports of the rooms what the contract allows: a room of a layer may import all of the next."""
    allowed = {room: set(others) for room, others in imports.rooms.items()}
    for upper, lower in pairwise(imports.contract):
        for room in set(upper) & set(allowed):
            allowed[room] |= set(lower) & set(allowed)
    return allowed


def loose_files(tree: Path) -> list[str]:
    """List the files directly in `bench/`, other than its `__init__.py`."""
    return sorted(path.name for path in (tree / "bench").glob("*.py") if path.name != "__init__.py")


def shared_names(modules: Graph) -> dict[str, list[str]]:
    """List the bare names that several files bear; a package's `__init__.py` is none of them."""
    packages = {module.rpartition(".")[0] for module in modules}
    bearers: dict[str, list[str]] = defaultdict(list)
    for module in set(modules) - packages:
        bearers[module.rpartition(".")[2]].append(module)
    return {name: found for name, found in bearers.items() if len(found) > 1}


def summary(imports: Imports, tree: Path) -> Iterator[str]:
    """Write the figures of a tree as Markdown."""
    rooms = imports.rooms
    room_circles, shared, loose = circles(rooms), shared_names(imports.modules), loose_files(tree)
    file_circles = circles(imports.modules)
    yield "| modules | imports | rooms | layers of rooms | loose files | circles of rooms | of files | shared names |"
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|"
    cells = (
        len(imports.modules),
        sum(map(len, imports.modules.values())),
        len(rooms),
        "–" if room_circles else max(floors(with_contract(imports)).values()) + 1,
        len(loose),
        len(room_circles),
        len(file_circles),
        len(shared),
    )
    yield f"| {' | '.join(map(str, cells))} |"
    for title, found in (
        ("Loose files", loose),
        ("Circles of rooms", [" ↔ ".join(circle) for circle in room_circles]),
        ("Circles of files", [" ↔ ".join(circle) for circle in file_circles]),
        ("Shared names", [f"{name} ({len(bearers)})" for name, bearers in sorted(shared.items())]),
    ):
        if found:
            yield f"\n{title}: {', '.join(found)}"
    if not room_circles:
        yield "\n| layer | rooms (modules) |\n|---:|---|"
        for number, row in enumerate(layers(imports)):
            yield f"| {number} | {', '.join(f'{room} ({size(imports, room)})' for room in row)} |"


def layers(imports: Imports) -> list[list[str]]:
    """The rooms of each layer, the uppermost first."""
    placed = floors(with_contract(imports))
    return [
        sorted(room for room, found in placed.items() if found == floor)
        for floor in range(max(placed.values()), -1, -1)
    ]


def size(imports: Imports, room: str) -> int:
    """Count the modules of a room."""
    return sum(room_of(module) == room for module in imports.modules)


def main() -> None:
    """Print the figures of a tree and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--svg", type=Path, help="draw the rooms into this file")
    options = parser.parse_args()
    imports = read_imports(options.tree)
    print("\n".join(summary(imports, options.tree)))
    if options.svg:
        options.svg.write_text(draw(layers(imports), imports.rooms))


if __name__ == "__main__":
    main()
