"""The FLOPs of an XLA program by the rules of XLA's cost analysis, one instruction at a time.

The rules are those of `HloCostAnalysis` (https://github.com/openxla/xla, `xla/service/hlo_cost_analysis.cc`):
2 for each multiply-accumulate on data; 1 for each output element of an elementwise operation, exponentials and
the like in a figure of their own; one call of the combining function less than there are elements for a
reduction; loop bodies once. What this reading does not account for stays unexplained in the table.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field

from anatomy.bench.cross_check.padding_window import valid_taps
from anatomy.bench.xla.hlo import Computation, Instruction, Program

_TRANSCENDENTAL = """
exponential log logistic power sqrt cbrt rsqrt tanh sine cosine tan exponential-minus-one log-plus-one atan2
erf rng rng-bit-generator
"""
TRANSCENDENTAL = frozenset(_TRANSCENDENTAL.split())
_ELEMENTWISE = """
abs add and bitcast-convert ceil clamp compare complex convert count-leading-zeros divide floor imag is-finite
maximum minimum multiply negate not or popcnt real reduce-precision remainder round-nearest-afz
round-nearest-even select shift-left shift-right-arithmetic shift-right-logical sign subtract xor
"""
ELEMENTWISE = frozenset(_ELEMENTWISE.split())


@dataclass
class Tally:
    """What a program holds, as XLA counts it.

    Attributes:
        products: FLOPs of convolutions and matrix products.
        padding: what leaving out kernel elements on padding takes away, over all loop steps: ≤ 0.
        loops: what counting loop bodies once takes away from the products: ≤ 0.
        others: FLOPs of everything else, by opcode.
        transcendentals: exponentials and the like, which XLA counts apart.
        trips: loop lengths met around products, `None` for one that the program does not state.
        custom_calls: targets of calls to libraries, of which XLA knows nothing.
        instructions: how many instructions were added up.
    """

    products: int = 0
    padding: int = 0
    loops: int = 0
    others: Counter[str] = field(default_factory=Counter)
    transcendentals: int = 0
    trips: set[int | None] = field(default_factory=set)
    custom_calls: Counter[str] = field(default_factory=Counter)
    instructions: int = 0

    @property
    def total(self) -> int:
        """What XLA's cost analysis should say."""
        return self.products + sum(self.others.values())

    def add(self, other: Tally, repeats: int = 1) -> None:
        """Add a part that is run `repeats` times and counted once."""
        self.products += other.products
        self.padding += repeats * other.padding
        self.loops += repeats * other.loops - (repeats - 1) * other.products
        self.others += other.others
        self.transcendentals += other.transcendentals
        self.trips |= other.trips
        self.custom_calls += other.custom_calls
        self.instructions += other.instructions


def tally(program: Program, name: str | None = None) -> Tally:
    """Count one computation and those it calls; the entry unless named."""
    computation = program.computations[name or program.entry]
    found = Tally()
    for instruction in computation.instructions:
        _count(program, computation, instruction, found)
    return found


def _count(program: Program, computation: Computation, instruction: Instruction, found: Tally) -> None:
    opcode, elements = instruction.opcode, math.prod(instruction.shapes[0]) if instruction.shapes else 0
    found.instructions += 1
    match opcode:
        case "dot":
            found.products += 2 * elements * _contracted(computation, instruction)
        case "convolution":
            valid, full = _convolution(computation, instruction)
            found.products += 2 * valid
            found.padding += 2 * (valid - full)
        case "while":
            body, condition = (tally(program, instruction.called(kind)[0]) for kind in ("body", "condition"))
            trips = _trips(program, instruction)
            body.trips |= {trips} if body.products else set()
            found.add(body, repeats=1 if trips is None else trips)
            found.add(condition)
        case "call" | "fusion" | "async-start":
            for called in instruction.called("to_apply", "calls"):
                found.add(tally(program, called))
        case "conditional":
            names = instruction.called("branch_computations", "true_computation", "false_computation")
            found.add(max((tally(program, called) for called in names), key=lambda branch: branch.total))
        case "reduce" | "reduce-window" | "map":
            each = tally(program, instruction.called("to_apply")[0])
            found.others[opcode] += each.total * _applications(computation, instruction, elements)
        case "custom-call":
            found.custom_calls[instruction.attribute("custom_call_target").strip('"')] += 1
        case _ if opcode in TRANSCENDENTAL:
            found.transcendentals += elements
        case _ if opcode in ELEMENTWISE:
            found.others[opcode] += elements


def _applications(computation: Computation, instruction: Instruction, elements: int) -> int:
    """How often a reduction's function is applied."""
    if instruction.opcode == "map":
        return elements
    if instruction.opcode == "reduce":
        return math.prod(_shape(computation, instruction.operands[0])) - elements
    return elements * (math.prod(_window(instruction, "size", 1)) - 1)


def _contracted(computation: Computation, instruction: Instruction) -> int:
    """Elements along the axes that a matrix product sums over."""
    shape = _shape(computation, instruction.operands[0])
    return math.prod(shape[axis] for axis in instruction.numbers("lhs_contracting_dims"))


def _convolution(computation: Computation, instruction: Instruction) -> tuple[int, int]:
    """MACs on data, and MACs with padding as if it were data, of a convolution.

    Where the input has holes (a transposed convolution), all kernel elements for every input position
    stand for the latter.
    """
    inputs, kernel = (_shape(computation, operand) for operand in instruction.operands[:2])
    inputs_at, kernel_at, outputs_at = _labels(instruction)
    outputs = instruction.shapes[0]
    rank = len(outputs) - 2
    sizes = {
        name: _window(instruction, name, rank, default)
        for name, default in (("stride", 1), ("lhs_dilate", 1), ("rhs_dilate", 1))
    }
    padding = [int(text.partition("_")[0]) for text in _window_texts(instruction, "pad")] or [0] * rank
    valid = full = 1
    for axis in range(rank):
        label = str(axis)
        into, out, taps = inputs[inputs_at[label]], outputs[outputs_at[label]], kernel[kernel_at[label]]
        holes = sizes["lhs_dilate"][axis]
        valid *= valid_taps(
            into,
            out,
            taps,
            stride=sizes["stride"][axis],
            padding=padding[axis],
            dilation=sizes["rhs_dilate"][axis],
            input_dilation=holes,
        )
        full *= taps * (into if holes > 1 else out)
    groups, batch_groups = (instruction.numbers(name) for name in ("feature_group_count", "batch_group_count"))
    each = inputs[inputs_at["f"]] // (groups or [1])[0] * outputs[outputs_at["f"]]
    each *= inputs[inputs_at["b"]] // (batch_groups or [1])[0]
    return each * valid, each * full


def _labels(instruction: Instruction) -> tuple[dict[str, int], ...]:
    """`dim_labels=b01f_01io->b01f` as three maps from label to axis."""
    texts = re.split("_|->", instruction.attribute("dim_labels"))
    return tuple({label: axis for axis, label in enumerate(text)} for text in texts)


def _window(instruction: Instruction, name: str, rank: int, default: int = 1) -> list[int]:
    """A field of `window={size=3x3 stride=2x2 pad=1_1x1_1}`."""
    return [int(text) for text in _window_texts(instruction, name)] or [default] * rank


def _window_texts(instruction: Instruction, name: str) -> list[str]:
    found = re.search(rf"(?:^| ){name}=(\S+)", instruction.attribute("window"))
    return found[1].split("x") if found else []


def _shape(computation: Computation, operand: str) -> tuple[int, ...]:
    return computation.by_name[operand].shapes[0]


def _trips(program: Program, loop: Instruction) -> int | None:
    """How often a loop runs: as the compiler noted, or as its condition `step < constant` says.

    JAX's scans count their steps from 0 by 1.
    """
    noted = re.search(r'"known_trip_count":\{"n":"(\d+)"', loop.attributes)
    if noted:
        return int(noted[1])
    condition = program.computations[loop.called("condition")[0]]
    if condition.root.opcode != "compare" or condition.root.attribute("direction") != "LT":
        return None
    bound = condition.by_name[condition.root.operands[1]]
    return int(bound.operands[0]) if bound.opcode == "constant" else None
