"""What each instruction of a compiled XLA program is for: joins a trace's `hlo_op` to Keras's layers.

XLA keeps with an instruction the scopes in which JAX or TensorFlow traced it (`metadata={op_name="…"}`), and Keras
opens one for each layer. Instructions that XLA made itself (copies, layouts) have none: they are given to the layer
that uses their result, else to the one whose result they take, else to the loop they are in. A gradient that the
optimizer uses is given to the layer whose weight is updated with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from anatomy.bench.profiling.layer_index import Layers
from anatomy.bench.profiling.trace_events import Work
from anatomy.bench.profiling.work_kinds import WEIGHT, heaviest, kind_of_operation, kind_within
from anatomy.bench.records.case_profile import OPTIMIZER, Pass
from anatomy.bench.xla import hlo

CONTAINERS = ("while", "call", "conditional")
# They move nothing and compute nothing.
_NOTHING = ("parameter", "constant", "bitcast", "tuple", "get-tuple-element")
_CALLED = ("calls", "to_apply", "body", "condition", "branch_computations", "true_computation", "false_computation")
_JITTED = re.compile(r"jit\([^()]*\)")
_OP_NAME = re.compile(r'op_name="([^"]*)"')
_SHOWN = 3
_NO_WEIGHTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class _Owner:
    """The layer of an instruction and the pass it belongs to."""

    layer: str
    pass_: Pass


def works(text: str, layers: Layers, weights: Mapping[str, str] = _NO_WEIGHTS) -> dict[str, tuple[Work, bool]]:
    """For each instruction of a compiled module its work, and whether it holds others (a loop).

    Args:
        text: of the optimised module, `compiled.as_text()`.
        weights: the layer of each weight, by the `op_name` of the parameter that it is.

    Raises:
        ValueError: it is not the text of a module.
    """
    program = hlo.read(text)
    owners = _owners(program, layers, weights)
    return {
        instruction.name: (
            _work(program, instruction, owners.get(instruction.name), layers),
            instruction.opcode in CONTAINERS,
        )
        for computation in program.computations.values()
        for instruction in computation.instructions
    }


def scopes_of(op_name: str) -> tuple[list[str], Pass]:
    """`jit(step)/transpose(jvp(conv1))/mul` → scopes, outermost first and without the operation; the pass."""
    text = _JITTED.sub("", op_name)
    words = [word for word in re.split(r"/", re.sub(r"[a-z_]+\(", "/", text).replace(")", "")) if word]
    return words[:-1], "backward" if "transpose(" in op_name else "forward"


def _work(program: hlo.Program, instruction: hlo.Instruction, owner: _Owner | None, layers: Layers) -> Work:
    inner = _inner(program, instruction) if instruction.opcode == "fusion" else []
    layer = owner.layer if owner else None
    name = _fused_name(inner) if inner else _name(instruction)
    kind = heaviest([kind_of_operation(_name(one)) for one in inner] or [kind_of_operation(name)])
    return Work(
        layer=layer,
        name=name,
        kind=kind_within(kind, layer, layers.family(layer)),
        pass_=owner.pass_ if owner else "forward",
        fused=max(1, len(inner)),
    )


def _name(instruction: hlo.Instruction) -> str:
    if instruction.opcode == "custom-call":
        return instruction.attribute("custom_call_target").strip('"') or instruction.opcode
    return instruction.opcode


def _fused_name(inner: list[hlo.Instruction]) -> str:
    """`fusion(dot, add)`: the heaviest of what was merged first."""
    found = Counter(_name(one) for one in inner)
    ordered = sorted(found, key=lambda name: (WEIGHT.index(kind_of_operation(name)), -found[name], name))
    return f"fusion({', '.join(ordered[:_SHOWN])}{', …' if len(ordered) > _SHOWN else ''})"


def _inner(program: hlo.Program, instruction: hlo.Instruction) -> list[hlo.Instruction]:
    """What a fusion does, without what does nothing."""
    found = []
    for name in instruction.called("calls", "to_apply"):
        for one in program.computations[name].instructions if name in program.computations else ():
            found += _inner(program, one) or ([one] if one.opcode not in _NOTHING else [])
    return found


def _owners(program: hlo.Program, layers: Layers, weights: Mapping[str, str]) -> dict[str, _Owner]:
    owners: dict[str, _Owner] = {}
    for computation in program.computations.values():
        for instruction in computation.instructions:
            found = _own(program, instruction, layers)
            if found:
                owners[instruction.name] = found
    for computation in program.computations.values():
        users = _users(computation)
        owners |= _gradients(computation, users, owners, weights)
        _spread(computation, users, owners)
    _inherit(program, owners)
    return owners


def _own(program: hlo.Program, instruction: hlo.Instruction, layers: Layers) -> _Owner | None:
    """By its own scopes; a fusion by those of the heaviest operation in it."""
    if instruction.opcode == "parameter":
        return None
    inner = _inner(program, instruction) if instruction.opcode == "fusion" else []
    best: list[tuple[int, _Owner]] = []
    for one in [*inner, instruction]:
        owner = _named(one, layers)
        if owner:
            weight = WEIGHT.index(kind_of_operation(_name(one))) if one is not instruction else len(WEIGHT) - 1
            best.append((weight, owner))
    if not best:
        return None
    heaviest_there = min(weight for weight, _ in best)
    votes = Counter(owner for weight, owner in best if weight == heaviest_there)
    return votes.most_common(1)[0][0]


def _named(instruction: hlo.Instruction, layers: Layers) -> _Owner | None:
    found = _OP_NAME.search(instruction.attributes)
    if found is None:
        return None
    scopes, pass_ = scopes_of(found[1])
    layer = layers.find(scopes)
    return None if layer is None else _Owner(layer, "update" if layer == OPTIMIZER else pass_)


def _users(computation: hlo.Computation) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for instruction in computation.instructions:
        for operand in instruction.operands:
            users.setdefault(operand, []).append(instruction.name)
    return users


def _gradients(
    computation: hlo.Computation, users: dict[str, list[str]], owners: dict[str, _Owner], weights: Mapping[str, str]
) -> dict[str, _Owner]:
    """Instructions without a layer that the optimizer alone uses: that of the first weight on the way from there."""
    of_weight = _weights_at(computation, weights)
    found = {}
    for instruction in computation.instructions:
        using = users.get(instruction.name, [])
        if instruction.name in owners or not using or any(not _updates(name, owners) for name in using):
            continue
        seen, front = {instruction.name}, list(using)
        while front:
            met = {of_weight[one] for name in front for one in computation.by_name[name].operands if one in of_weight}
            if met:
                if len(met) == 1:
                    found[instruction.name] = _Owner(met.pop(), "backward")
                break
            seen.update(front)
            front = [one for name in front for one in users.get(name, ()) if one not in seen and _updates(one, owners)]
    return found


def _updates(name: str, owners: dict[str, _Owner]) -> bool:
    return name in owners and owners[name].layer == OPTIMIZER


def _weights_at(computation: hlo.Computation, weights: Mapping[str, str]) -> dict[str, str]:
    """The layers of weights, by each name that they have: the parameter's, and those of its copies."""
    found: dict[str, str] = {}
    for one in computation.instructions:
        name = _OP_NAME.search(one.attributes)
        if one.opcode == "parameter" and name and name[1] in weights:
            found[one.name] = weights[name[1]]
        elif one.opcode in ("copy", "bitcast") and one.operands[0] in found:
            found[one.name] = found[one.operands[0]]
    return found


def _spread(computation: hlo.Computation, users: dict[str, list[str]], owners: dict[str, _Owner]) -> None:
    """Give instructions without a layer that of their users, else that of their operands, until nothing changes.

    What is a layer's comes first: a weight's gradient is the layer's work, though the optimizer uses it.
    """
    left = [one for one in computation.instructions if one.name not in owners and one.opcode != "constant"]
    for real in (True, False):
        # All of a round see the same, so that the order of the text decides nothing.
        while found := {
            one.name: owner
            for one in left
            if (owner := _most(users.get(one.name, ()), owners, real) or _most(one.operands, owners, real))
        }:
            owners.update(found)
            left = [one for one in left if one.name not in owners]


def _most(names: Iterable[str], owners: dict[str, _Owner], real: bool) -> _Owner | None:
    """The commonest of those that are a layer's, or of the others."""
    votes = Counter(owners[name] for name in names if name in owners)
    return max((one for one in votes if one.layer.startswith("(") != real), key=lambda one: votes[one], default=None)


def _inherit(program: hlo.Program, owners: dict[str, _Owner]) -> None:
    """Give what is within a loop and has no layer that of the loop."""
    for computation in reversed(program.computations.values()):
        for instruction in computation.instructions:
            owner = owners.get(instruction.name)
            for name in instruction.called(*_CALLED) if owner else ():
                for inner in program.computations[name].instructions if name in program.computations else ():
                    owners.setdefault(inner.name, owner)  # type: ignore[arg-type]  # the loop is empty without one
