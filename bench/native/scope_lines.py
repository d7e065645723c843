"""Names of layers in a trace: lines of a program within a scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Path of a layer, or one of the names below → the name of its scope in a trace.
ScopeName = Callable[[str], str]
# What belongs to no layer, as a profile names it.
LOSS, OPTIMIZER = "(loss)", "(optimizer)"
_OPENING = {"jax": "jax.named_scope", "tensorflow": "tf.name_scope", "torch": "torch.profiler.record_function"}


def in_scope(lines: Sequence[str], framework: str, path: str, scope: ScopeName | None) -> list[str]:
    """The lines within the scope of a path; as they are where no trace is to show it."""
    if scope is None or not lines:
        return list(lines)
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return [f'{indent}with {_OPENING[framework]}("{scope(path)}"):', *(f"    {line}" for line in lines)]
