"""The lines of a tree of layers, with figures that stay in their columns at every level."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from anatomy.bench.profiling.layer_tree import LayerNode

# Cells of rich's guides before the text of each level.
_GUIDE = 4
# Head and width of each column of figures, behind the name.
_COLUMNS = (("ms", 9), ("time %", 7), ("FLOP %", 7), ("GFLOP/s", 8), ("bound", 8))
_NAME_LEAST, _NAME_MOST, _KINDS_LEAST = 16, 44, 14
_NONE = "–"


class LayerLines:
    """Lines for one width of the terminal: what the figures leave is shared by names and kinds of work."""

    def __init__(self, width: int) -> None:
        left = width - sum(cells for _, cells in _COLUMNS) - 2
        self._name = max(_NAME_LEAST, min(_NAME_MOST, left - _KINDS_LEAST))
        self._kinds = max(0, left - self._name)

    def heading(self) -> Text:
        """Of the columns; it is the root of the tree, and so at level 0."""
        heads = "".join(head.rjust(cells) for head, cells in _COLUMNS)
        return self._text("layer", 0, heads, "kinds of work", "bold")

    def node(self, node: LayerNode, level: int, name: str = "") -> Text:
        """A layer or nested model; what several layers are bound by has no one word."""
        layers = list(node.layers)
        bound = layers[0].bound if len(layers) == 1 else None
        figures = (node.time, node.share, node.flops_share, node.flops_per_s)
        return self.line(name or node.name, level, *figures, bound=bound, kinds=node.kinds)

    def line(
        self,
        name: str,
        level: int,
        time: float,
        share: float | None,
        flops_share: float | None = None,
        flops_per_s: float | None = None,
        bound: str | None = None,
        kinds: Iterable[str] = (),
    ) -> Text:
        """What is null is a dash."""
        percents = (_NONE if one is None else f"{100 * one:.1f}" for one in (share, flops_share))
        rate = _NONE if flops_per_s is None else _short(flops_per_s / 1e9, 1)
        figures = (_short(1e3 * time, 3), *percents, rate, bound or _NONE)
        cells = "".join(figure.rjust(width) for figure, (_, width) in zip(figures, _COLUMNS, strict=True))
        return self._text(name, level, cells, _fitting(list(kinds), self._kinds))

    def _text(self, name: str, level: int, figures: str, kinds: str, style: str = "") -> Text:
        room = max(1, self._name - _GUIDE * level)
        line = f"{_shortened(name, room).ljust(room)}{figures}  {kinds}"
        return Text(line.rstrip(), style=style, no_wrap=True, overflow="ellipsis")


def _shortened(name: str, room: int) -> str:
    """Without its middle, since names of layers differ at their ends."""
    if len(name) <= room:
        return name
    start = room // 2
    return f"{name[:start]}…{name[len(name) - (room - 1 - start) :]}"


def _fitting(kinds: list[str], cells: int) -> str:
    """As many kinds as fit, and how many more there are."""
    for shown in range(len(kinds), 0, -1):
        more = f" +{len(kinds) - shown}" if shown < len(kinds) else ""
        text = ", ".join(kinds[:shown]) + more
        if len(text) <= cells:
            return text
    return kinds[0] if kinds else ""


def _short(value: float, decimals: int) -> str:
    """With fewer decimals where it is large, so that it fits its column."""
    return f"{value:,.{decimals if value < 100 else max(0, decimals - 2)}f}"
