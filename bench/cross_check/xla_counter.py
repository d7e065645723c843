"""XLA's cost analysis of the forward pass, before and after its optimiser. Needs `KERAS_BACKEND=jax`.

Its rules: `HloCostAnalysis`, https://github.com/openxla/xla, `xla/service/hlo_cost_analysis.cc`.
"""

from __future__ import annotations

import jax

from anatomy.bench.cross_check.counter_row import Row
from anatomy.bench.cross_check.subject import Subject, build, forward_with_specs


def rows(subject: Subject) -> list[Row]:
    """Two rows: the program as JAX hands it to XLA, and as XLA's optimiser for the CPU leaves it."""
    forward, specs = forward_with_specs(*build(subject, weights=False), jax.ShapeDtypeStruct)
    lowered = jax.jit(forward).lower(*specs)
    before, after = lowered.cost_analysis(), lowered.compile().cost_analysis()
    conventions = (
        "leaves out kernel elements on padding, counts a loop's body once, and adds elementwise operations, reductions "
        "and the products that cut patches and resize images; "
        f"{int(before.get('transcendentals', 0)):,} exponentials, roots and the like are counted apart"
    )
    optimised = "the same, after XLA has fused, rewritten and repeated operations"
    return [
        Row("XLA, program of JAX", jax.__version__, int(before["flops"]), conventions),
        Row("XLA, compiled", jax.__version__, int(after["flops"]), optimised),
    ]
