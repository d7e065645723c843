"""Products and output shape of an Einstein summation."""

from __future__ import annotations

from collections.abc import Iterable

import opt_einsum

from anatomy.bench.counting.shapes import Shape, times

# MACs of one product, and the operands that each of its two factors is made of.
Pair = tuple[int | None, tuple[int, ...], tuple[int, ...]]


def einsum_macs(equation: str, *shapes: Shape) -> int | None:
    """The products of a summation: of two operands m·k·n, as for a matrix product; of one, none.

    An ellipsis stands for the axes that no label names, shared by the operands (broadcast).

    Args:
        equation: as in `numpy.einsum`, e.g. `abc,cd->abd` or `...x,xy->...y`.
        shapes: the operands' shapes; an unknown length (`None`) gives `None`.

    Raises:
        ValueError: the equation does not fit the shapes.
    """
    found = [macs for macs, _, _ in einsum_pairs(equation, *shapes)]
    return None if None in found else sum(macs for macs in found if macs is not None)


def einsum_pairs(equation: str, *shapes: Shape) -> list[Pair]:
    """The products that a summation is carried out by: its operands are multiplied two at a time.

    The order is that of `opt_einsum.contract_path(optimize="auto")`, of the fewest operations up to four operands,
    which JAX takes, as does torch where it finds `opt_einsum`; TensorFlow's (`greedy`) may need more. Each product has
    the sizes of all labels of its two factors.

    Raises:
        ValueError: the equation does not fit the shapes.
    """
    sizes = _label_sizes(equation, shapes)
    if None in sizes.values():
        # No order without lengths.
        everything = tuple(range(len(shapes)))
        return [(None, everything[:-1], everything[-1:])] if len(shapes) > 1 else []
    labels, result = _labels(equation, shapes)
    factors: list[tuple[frozenset[str], tuple[int, ...]]] = [
        (frozenset(one), (place,)) for place, one in enumerate(labels)
    ]
    pairs: list[Pair] = []
    for taken in _order(equation, shapes):
        step = [factors.pop(place) for place in sorted(taken, reverse=True)][::-1]
        product, made_of = step[0]
        kept = frozenset(result).union(*(other for other, _ in factors))
        for position, (other, others) in enumerate(step[1:], start=2):
            pairs.append((times(*(sizes[label] for label in product | other)), made_of, others))
            later = kept.union(*(one for one, _ in step[position:]))
            product, made_of = (product | other) & later, made_of + others
        factors.append((product, made_of))
    return pairs


def einsum_shape(equation: str, *shapes: Shape) -> tuple[int | None, ...]:
    """The output's shape; the equation must name it (`->`).

    Raises:
        ValueError: the equation does not fit the shapes.
    """
    sizes = _label_sizes(equation, shapes)
    return tuple(sizes[label] for label in _labels(equation, shapes)[1])


def _order(equation: str, shapes: Iterable[Shape]) -> list[tuple[int, ...]]:
    """The operands of each step, by their places among those that are left; what a step makes comes last."""
    lengths = [tuple(length or 1 for length in shape) for shape in shapes]
    path, _ = opt_einsum.contract_path(equation, *lengths, shapes=True, optimize="auto")
    return [tuple(step) for step in path]


def _labels(equation: str, shapes: tuple[Shape, ...]) -> tuple[list[list[str]], list[str]]:
    """The labels of each operand and those of the output."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    operands = [_expand(labels, len(shape), equation) for labels, shape in zip(left.split(","), shapes, strict=True)]
    every = [label for labels in operands for label in labels]
    # Numbered from the right: the longest ellipsis comes first, in order.
    hidden = sorted({label for label in every if label.startswith("...")}, key=lambda label: -int(label[3:]))
    if not arrow:
        return operands, [*hidden, *sorted(label for label in set(every) - set(hidden) if every.count(label) == 1)]
    rank = len(right.replace("...", "")) + (len(hidden) if "..." in right else 0)
    return operands, _expand(right, rank, equation)


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
