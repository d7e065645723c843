"""MACs and output shape of an Einstein summation."""

from __future__ import annotations

from anatomy.bench.counting.shapes import Shape, times


def einsum_macs(equation: str, *shapes: Shape) -> int | None:
    """The product of the sizes of all labels, as for a matrix product: m·k·n.

    An ellipsis stands for the axes that no label names, shared by the operands (broadcast).

    Args:
        equation: as in `numpy.einsum`, e.g. `abc,cd->abd` or `...x,xy->...y`.
        shapes: the operands' shapes; an unknown length (`None`) gives `None`.

    Raises:
        ValueError: the equation does not fit the shapes.
    """
    return times(*_label_sizes(equation, shapes).values())


def einsum_shape(equation: str, *shapes: Shape) -> tuple[int | None, ...]:
    """The output's shape; the equation must name it (`->`).

    Raises:
        ValueError: the equation does not fit the shapes.
    """
    sizes = _label_sizes(equation, shapes)
    hidden = sum(label.startswith("...") for label in sizes)
    outputs = equation.replace(" ", "").split("->")[1]
    rank = len(outputs.replace("...", "")) + (hidden if "..." in outputs else 0)
    return tuple(sizes[label] for label in _expand(outputs, rank, equation))


def _label_sizes(equation: str, shapes: tuple[Shape, ...]) -> dict[str, int | None]:
    operands = equation.replace(" ", "").split("->")[0].split(",")
    if len(operands) != len(shapes):
        raise ValueError(f"einsum {equation!r} has {len(operands)} operands, but {len(shapes)} shapes were given")
    sizes: dict[str, int | None] = {}
    for labels, shape in zip(operands, shapes, strict=True):
        for label, length in zip(_expand(labels, len(shape), equation), shape, strict=True):
            # A length of 1 broadcasts against the other operand's; an open one takes the other's.
            if sizes.get(label, 1) in (1, None):
                sizes[label] = length if length != 1 else sizes.get(label, 1)
            elif length not in (1, None, sizes[label]):
                raise ValueError(f"einsum {equation!r}: {label!r} is {sizes[label]} and {length}")
    return sizes


def _expand(labels: str, rank: int, equation: str) -> list[str]:
    """Labels of each axis; those of the ellipsis are numbered from the right, as they broadcast."""
    head, ellipsis, tail = labels.partition("...")
    hidden = rank - len(head) - len(tail)
    if hidden < 0 or (hidden and not ellipsis):
        raise ValueError(f"einsum {equation!r}: operand {labels!r} does not fit a shape of rank {rank}")
    return [*head, *(f"...{hidden - axis}" for axis in range(hidden)), *tail]
