"""Draw a graph on layers as SVG: boxes, and arrows that point downwards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np
from scipy.optimize import isotonic_regression

WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT, GAP, LINE_GAP = 1280, 80, 156, 32, 36, 18
LEFT = 48
SWEEPS = 24
ARROW = 'fill="none" stroke="#5b6b7b" stroke-width="1.3" marker-end="url(#head)"'
Point = tuple[float, float]


@dataclass(frozen=True)
class Bend:
    """Where an arrow from `source` to `target` passes a layer between them."""

    source: str
    target: str
    row: int


Node = str | Bend


def draw(rows: Sequence[Sequence[str]], graph: Mapping[str, Collection[str]]) -> str:
    """Draw nodes on their rows; an arrow that follows from other arrows is left out.

    Args:
        rows: the names of each row, the uppermost first.
        graph: what each node points to, always in a lower row.
    """
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    arrows: dict[tuple[str, str], list[Node]] = {
        (name, other): [name, *(Bend(name, other, row) for row in range(row_of[name] + 1, row_of[other])), other]
        for name, others in needed(graph).items()
        for other in others
    }
    x = place([list(row) for row in rows], list(arrows.values()))
    height = ROW * len(rows)

    def point(node: Node) -> Point:
        return x[node], ROW * (node.row if isinstance(node, Bend) else row_of[node]) + ROW / 2

    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
            ' font-family="system-ui, sans-serif" text-anchor="middle">',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#5b6b7b"/></marker>',
            *bands(len(rows)),
            *(
                f'<path d="{curve([point(node) for node in path])}" {ARROW}><title>{name} → {other}</title></path>'
                for (name, other), path in arrows.items()
            ),
            *(line for name in row_of for line in box(name, point(name))),
            "</svg>\n",
        ]
    )


def needed(graph: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Leave out each edge whose target can be reached by a longer way (transitive reduction)."""
    reached: dict[str, set[str]] = {}

    def reach(name: str) -> set[str]:
        if name not in reached:
            reached[name] = set(graph[name]).union(*(reach(other) for other in graph[name]))
        return reached[name]

    return {name: sorted(set(others).difference(*(reach(other) for other in others))) for name, others in graph.items()}


def place(rows: list[list[Node]], paths: Sequence[Sequence[Node]]) -> dict[Node, float]:
    """Choose x for each box and bend: each is drawn towards its neighbours in the rows above and below."""
    neighbours: dict[Node, list[Node]] = {}
    for path in paths:
        for upper, lower in pairwise(path):
            neighbours.setdefault(upper, []).append(lower)
            neighbours.setdefault(lower, []).append(upper)
        for node in path:
            if isinstance(node, Bend):
                rows[node.row].append(node)
    x: dict[Node, float] = {}
    for row in rows:
        x |= spread(row, dict.fromkeys(row, (LEFT + WIDTH) / 2))
    for _ in range(SWEEPS):
        for row in [*rows, *reversed(rows)]:
            wanted = {node: fmean(x[other] for other in neighbours.get(node, [node])) for node in row}
            row.sort(key=lambda node, wanted=wanted: wanted[node])  # type: ignore[misc]  # mypy knows no such default
            x |= spread(row, wanted)
    aside = (LEFT + WIDTH - min(x.values()) - max(x.values())) / 2
    return {node: at + aside for node, at in x.items()}


def spread(row: Sequence[Node], wanted: Mapping[Node, float]) -> dict[Node, float]:
    """Place a row in its order, as near as possible to where each wants to be, without overlap."""
    widths = np.array([LINE_GAP if isinstance(node, Bend) else BOX_WIDTH + GAP for node in row])
    middles = np.cumsum(widths) - widths / 2
    # Where two want to overlap, least squares puts both around the mean of their wishes.
    free = isotonic_regression(np.array([wanted[node] for node in row]) - middles).x
    return dict(zip(row, np.clip(free, LEFT, WIDTH - widths.sum()) + middles, strict=True))


def bands(count: int) -> Iterator[str]:
    """Shade every other row and number them from the top."""
    for row in range(count):
        if row % 2 == 0:
            yield f'<rect y="{ROW * row}" width="{WIDTH}" height="{ROW}" fill="#f3f5f8"/>'
        yield f'<text x="20" y="{ROW * row + ROW / 2 + 5}" font-size="13" fill="#8796a5">{row}</text>'


def curve(points: Sequence[Point]) -> str:
    """Connect the boxes by the bends: from the bottom of the first to the top of the last."""
    (x, y), *_ = points
    path = f"M{x:.0f} {y + BOX_HEIGHT / 2:.0f}"
    at = (x, y + BOX_HEIGHT / 2)
    for number, (next_x, next_y) in enumerate(points[1:], 1):
        end = number == len(points) - 1
        top = next_y - BOX_HEIGHT / 2 - (2 if end else 0)
        middle = (at[1] + top) / 2
        path += f"C{at[0]:.0f} {middle:.0f} {next_x:.0f} {middle:.0f} {next_x:.0f} {top:.0f}"
        at = (next_x, top)
        if not end:
            at = (next_x, next_y + BOX_HEIGHT / 2)
            path += f"V{at[1]:.0f}"
    return path


def box(name: str, centre: Point) -> Iterator[str]:
    """Draw a box with its name."""
    x, y = centre
    yield (
        f'<rect x="{x - BOX_WIDTH / 2:.0f}" y="{y - BOX_HEIGHT / 2:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}"'
        ' rx="6" fill="#fff" stroke="#2f4b66"/>'
    )
    yield f'<text x="{x:.0f}" y="{y + 5:.0f}" font-size="15" fill="#10202f">{name}</text>'
