"""A profile on a terminal: the step, what it waited for, its layers as a tree, its kinds of work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from anatomy.bench.cli.screens.layer_lines import LayerLines
from anatomy.bench.profiling.layer_tree import LayerNode, layer_tree
from anatomy.bench.records.case_profile import IDLE_WORDS, Gaps, Operation, Profile

# Layers of one level that are shown, if they take at least this share of the device time; the rest is one line.
MOST_LAYERS, SMALLEST_SHARE = 12, 0.01
# Operations named of those that belong to no layer.
MOST_OPERATIONS = 5
_BAR_CELLS = 30
# A sum of gaps farther from the step than this is said.
_TOLERANCE = 0.05
_GAPS = ("input wait", "host dispatch", "device compute", "communication", "idle")


def print_profile(console: Console, profile: Profile, depth: int | None = None, limit: int = MOST_LAYERS) -> None:
    """Everything that a profile says, for people.

    Args:
        depth: levels of nested models to go into; by default all.
        limit: layers of one level that are shown.
    """
    console.print(Text(profile.name, style="bold"), soft_wrap=True)
    if profile.outcome != "ok":
        reason = Text(f"{profile.outcome}: {profile.reason or 'no reason was given'}", style="red")
        console.print(reason, soft_wrap=True)
        return
    parts = (_header(profile), _gaps(profile.gaps), _idle(profile), _layers(console, profile, depth, limit))
    for part in (*parts, _kinds(profile), _unattributed(profile), _not_measured(profile), _caveats(profile)):
        if part is not None:
            console.print(part)
    if profile.trace:
        console.print(Text(f"Trace: {profile.trace}"), soft_wrap=True)


def _header(profile: Profile) -> RenderableType:
    """The step without and with a trace, and what the trace cost."""
    said = []
    if profile.step is not None:
        said.append(f"step {_ms(profile.step)}")
    if profile.gaps is not None:
        cost = f" (tracing cost {profile.gaps.step / profile.step - 1:+.1%})" if profile.step else ""
        said.append(f"traced {_ms(profile.gaps.step)}{cost.replace('%', ' %')}")
    said.append(f"{profile.steps:,} steps traced")
    return Text(", ".join(said))


def _gaps(gaps: Gaps | None) -> RenderableType | None:
    """A bar for each of the five, and their sum against the step."""
    if gaps is None or gaps.step <= 0:
        return None
    found = [(name, getattr(gaps, name.replace(" ", "_"))) for name in _GAPS]
    table = _bars("what a step waits for", [(name, time, time / gaps.step) for name, time in found])
    off = abs(gaps.sum / gaps.step - 1) > _TOLERANCE
    table.add_row(
        "sum", _ms(gaps.sum), _percent(gaps.sum / gaps.step), Text("does not add up to the step" if off else "", "red")
    )
    return Group("", table)


def _idle(profile: Profile) -> RenderableType | None:
    """Why a GPU ran nothing."""
    if not profile.idle_causes:
        return None
    causes = sorted(profile.idle_causes.items(), key=lambda item: -item[1])
    return Text(f"nothing ran on the GPU: {', '.join(f'{_ms(time)} {IDLE_WORDS[cause]}' for cause, time in causes)}")


def _layers(console: Console, profile: Profile, depth: int | None, limit: int) -> RenderableType | None:
    """The tree, its figures in columns."""
    top = layer_tree(profile.layers)
    if not top:
        return None
    lines = LayerLines(console.width)
    tree = Tree(lines.heading(), guide_style="dim")
    _grow(tree, top, lines, 1, depth, limit)
    if profile.unattributed:
        time = sum(operation.time for operation in profile.unattributed)
        tree.add(lines.line("(unattributed)", 1, time, profile.unattributed_share))
    return Group("", tree)


def _grow(tree: Tree, nodes: Sequence[LayerNode], lines: LayerLines, level: int, depth: int | None, limit: int) -> None:
    """Add a level: what is long enough, then one line for all the rest."""
    shown = [node for node in nodes[:limit] if node.share >= SMALLEST_SHARE]
    rest = nodes[len(shown) :]
    # One line for a single layer says less than the layer's own.
    if len(rest) == 1:
        shown, rest = [*shown, *rest], ()
    for node in shown:
        branch = tree.add(lines.node(node, level))
        if depth is None or level < depth:
            _grow(branch, node.children, lines, level + 1, depth, limit)
    if rest:
        together = LayerNode("", "", tuple(layer for node in rest for layer in node.layers), ())
        count = len(together.own)
        tree.add(lines.node(together, level, name=f"{count:,} more layers"))


def _kinds(profile: Profile) -> RenderableType | None:
    if not profile.kinds:
        return None
    return Group("", _bars("kind of work", [(one.kind, one.time, one.share) for one in profile.kinds]))


def _unattributed(profile: Profile) -> RenderableType | None:
    """Their share and the longest of them."""
    if profile.unattributed_share is None:
        return None
    share = _percent(profile.unattributed_share)
    longest = sorted(profile.unattributed, key=lambda operation: -operation.time)
    named = ", ".join(_operation(operation) for operation in longest[:MOST_OPERATIONS])
    more = f", {len(longest) - MOST_OPERATIONS:,} more" if len(longest) > MOST_OPERATIONS else ""
    said = f"unattributed: {share} of the device time" + (f": {named}{more}" if named else "")
    return Group("", Text(said))


def _not_measured(profile: Profile) -> RenderableType | None:
    if not profile.not_measured:
        return None
    return Group(*(Text(f"not measured: {figure}: {reason}") for figure, reason in profile.not_measured.items()))


def _caveats(profile: Profile) -> RenderableType | None:
    if not profile.caveats:
        return None
    return Group(*(Text(f"caveat: {caveat}") for caveat in profile.caveats))


def _bars(head: str, rows: Iterable[tuple[str, float, float]]) -> Table:
    """Name, time and share of the step, with the share as a bar that needs no colour."""
    table = Table(box=None, pad_edge=False)
    table.add_column(head, no_wrap=True, min_width=22)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("of the step", justify="right", no_wrap=True)
    table.add_column("", width=_BAR_CELLS)
    for name, time, share in rows:
        table.add_row(name, _ms(time), _percent(share), Bar(1.0, 0.0, min(share, 1.0), width=_BAR_CELLS))
    return table


def _operation(operation: Operation) -> str:
    return f"{operation.name} {_ms(operation.time)} ({operation.kind})"


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:,.3f} ms"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
