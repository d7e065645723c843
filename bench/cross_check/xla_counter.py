"""XLA's cost analysis of the forward pass, before and after its optimiser. Needs `KERAS_BACKEND=jax`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import jax
import keras

from anatomy.bench.cross_check.counter_rows import Row, Term
from anatomy.bench.cross_check.subject import Subject, build, pure_forward
from anatomy.bench.cross_check.xla_rules import Tally, tally
from anatomy.bench.xla import hlo

# Opcodes by what they are for in a network.
_GROUPS = {"reduce-window": "pooling windows", "reduce": "reductions"}


def rows(subject: Subject) -> list[Row]:
    """Two rows: the program as JAX hands it to XLA, and as XLA's optimiser for the CPU leaves it."""
    model, inputs = build(subject, weights=False)
    weights = [
        [_shape(weight) for weight in group] for group in (model.trainable_variables, model.non_trainable_variables)
    ]
    lowered = jax.jit(pure_forward(model)).lower(*weights, keras.tree.map_structure(_shape, inputs))
    compiled = lowered.compile()
    before = tally(hlo.read(lowered.as_text(dialect="hlo")))
    after = tally(hlo.read(compiled.as_text()))
    return [
        _row("XLA, program of JAX", lowered.cost_analysis(), before, before),
        _row("XLA, compiled", compiled.cost_analysis(), before, after),
    ]


def _shape(tensor: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(tensor.shape), tensor.dtype)


def _row(counter: str, costs: Any, before: Tally, counted: Tally) -> Row:
    """XLA's figure and its parts; padding and loops are those of the program before it was optimised."""
    flops = int(costs["flops"])
    terms = [*_conventions(before), *_rewritten(before, counted), *_others(counted.others), *_rounding(flops, counted)]
    notes = []
    if counted.transcendentals:
        notes.append(f"{counted.transcendentals:,} exponentials, tanh, roots and the like are in a figure of their own")
    return Row(counter, jax.__version__, flops, products=counted.products, terms=tuple(terms), notes=tuple(notes))


def _conventions(before: Tally) -> list[Term]:
    terms = []
    if before.padding:
        terms.append(Term("padding", before.padding, "kernel elements on padding are not counted"))
    if before.loops:
        steps = " and ".join(f"{trips:,}" for trips in sorted(trip for trip in before.trips if trip is not None))
        terms.append(Term("loops", before.loops, f"loop bodies are counted once; these run {steps} times"))
    return terms


def _rewritten(before: Tally, counted: Tally) -> list[Term]:
    """Products that the optimiser turned into something else, or handed to a library."""
    if counted.products == before.products:
        return []
    libraries = ", ".join(f"{count} × {name}" for name, count in counted.custom_calls.items())
    detail = f"handed to libraries: {libraries}" if libraries else "products that the optimiser rewrote"
    return [Term("rewritten products", counted.products - before.products, detail)]


def _others(others: Counter[str]) -> list[Term]:
    grouped: dict[str, Counter[str]] = {}
    for opcode, flops in others.items():
        grouped.setdefault(_GROUPS.get(opcode, "elementwise"), Counter())[opcode] += flops
    return [
        Term(cause, sum(found.values()), _largest(found)) for cause, found in grouped.items() if sum(found.values())
    ]


def _largest(found: Counter[str]) -> str:
    """The four operations with most FLOPs."""
    return ", ".join(f"{opcode} {flops:,}" for opcode, flops in found.most_common(4))


def _rounding(flops: int, counted: Tally) -> list[Term]:
    """XLA adds in 32-bit floats: a sum of n numbers is within n·2⁻²⁴ of itself (Higham 2002, section 4.2)."""
    rest = flops - counted.total
    if not rest or abs(rest) > counted.instructions * 2**-24 * flops:
        return []
    return [Term("rounding", rest, "XLA adds in 32-bit floats")]
