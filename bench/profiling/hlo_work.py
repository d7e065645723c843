"""Attribute each instruction of a compiled XLA program to a Keras layer; a trace names instructions by `hlo_op`.

XLA keeps the scopes in which JAX or TensorFlow traced an instruction (`metadata={op_name="…"}`), and there is a scope
per layer. Instructions that XLA inserts itself (copies, layouts) have no scopes. They are attributed to the layer that
uses their result, else to the one whose result they take, else to the loop that contains them. A gradient that only the
optimizer uses is attributed to the layer whose weight is updated with it. A fusion that holds the convolutions or
matrix products of several layers is work of them all, under their joint name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from anatomy.bench.profiling.layer_index import LayerIndex
from anatomy.bench.profiling.trace_events import Work
from anatomy.bench.profiling.work_kinds import HEAVIEST_FIRST, HEAVY, heaviest, kind_of_operation, kind_within
from anatomy.bench.records.case_profile import OPTIMIZER, Pass
from anatomy.bench.xla import hlo

CONTAINERS = ("while", "call", "conditional")
# Instructions that neither move nor compute anything.
_NOTHING = ("parameter", "constant", "bitcast", "tuple", "get-tuple-element")
_CALLED = ("calls", "to_apply", "body", "condition", "branch_computations", "true_computation", "false_computation")
_JITTED = re.compile(r"jit\([^()]*\)")
_OP_NAME = re.compile(r'op_name="((?:[^"\\]|\\.)*)"')
_SHOWN = 3
_NO_WEIGHTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class _Owner:
    """The layer and the pass that an instruction belongs to."""

    layer: str
    pass_: Pass


def instruction_work(
    text: str, layers: LayerIndex, weights: Mapping[str, str] = _NO_WEIGHTS
) -> dict[str, tuple[Work, bool]]:
    """Instruction of a compiled module → its work, and whether it contains other instructions (a loop).

    Args:
        text: HLO text of the optimised module, `compiled.as_text()`.
        weights: `op_name` of a weight's parameter → the layer that has the weight.

    Raises:
        ValueError: the text is not that of a module.
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


def operation_names(text: str) -> dict[str, str]:
    """Instruction of a compiled module → the operation that it was traced from (`op_name`), where it has one."""
    return {
        instruction.name: _unescaped(found[1])
        for computation in hlo.read(text).computations.values()
        for instruction in computation.instructions
        if (found := _OP_NAME.search(instruction.attributes))
    }


def _unescaped(text: str) -> str:
    """A text that XLA wrote between quotes, as it was: quotes and characters beyond ASCII have a backslash there."""
    return text.encode().decode("unicode_escape").encode("latin1").decode(errors="replace") if "\\" in text else text


def scopes_of(op_name: str) -> tuple[list[str], Pass]:
    """Scopes of an `op_name`, outermost first, and its pass: `jit(f)/transpose(jvp(conv))/mul` → [conv], backward."""
    text = _JITTED.sub("", op_name)
    words = [word for word in re.split(r"/", re.sub(r"[a-z_]+\(", "/", text).replace(")", "")) if word]
    return words[:-1], "backward" if "transpose(" in op_name else "forward"


def _work(program: hlo.Program, instruction: hlo.Instruction, owner: _Owner | None, layers: LayerIndex) -> Work:
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
    """Name of a fusion by the instructions merged into it, heaviest first: `fusion(dot, add)`."""
    found = Counter(_name(one) for one in inner)
    ordered = sorted(found, key=lambda name: (HEAVIEST_FIRST.index(kind_of_operation(name)), -found[name], name))
    return f"fusion({', '.join(ordered[:_SHOWN])}{', …' if len(ordered) > _SHOWN else ''})"


def _inner(program: hlo.Program, instruction: hlo.Instruction) -> list[hlo.Instruction]:
    """The instructions merged into a fusion, without those that do nothing."""
    found = []
    for name in instruction.called("calls", "to_apply"):
        for one in program.computations[name].instructions if name in program.computations else ():
            found += _inner(program, one) or ([one] if one.opcode not in _NOTHING else [])
    return found


def _owners(program: hlo.Program, layers: LayerIndex, weights: Mapping[str, str]) -> dict[str, _Owner]:
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


def _own(program: hlo.Program, instruction: hlo.Instruction, layers: LayerIndex) -> _Owner | None:
    """The owner by the instruction's own scopes; of a fusion, by those of its heaviest instruction."""
    if instruction.opcode == "parameter":
        return None
    inner = _inner(program, instruction) if instruction.opcode == "fusion" else []
    best: list[tuple[int, _Owner]] = []
    for one in [*inner, instruction]:
        owner = _named(one, layers)
        if owner:
            weight = (
                HEAVIEST_FIRST.index(kind_of_operation(_name(one)))
                if one is not instruction
                else len(HEAVIEST_FIRST) - 1
            )
            best.append((weight, owner))
    if not best:
        return None
    heavy = _heavy_owners(inner, layers)
    if len(together := {owner.layer for owner in heavy}) > 1:
        return _Owner(layers.joint(together), Counter(owner.pass_ for owner in heavy).most_common(1)[0][0])
    heaviest_there = min(weight for weight, _ in best)
    votes = Counter(owner for weight, owner in best if weight == heaviest_there)
    return votes.most_common(1)[0][0]


def _heavy_owners(inner: Iterable[hlo.Instruction], layers: LayerIndex) -> list[_Owner]:
    """The owners of the convolutions and matrix products that were merged into a fusion: it is work of all of them."""
    heavy = (one for one in inner if kind_of_operation(_name(one)) in HEAVY)
    owners = (_named(one, layers) for one in heavy)
    return [owner for owner in owners if owner is not None and owner.layer in layers.entries]


def _named(instruction: hlo.Instruction, layers: LayerIndex) -> _Owner | None:
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
    """Owners of instructions without a layer whose results only the optimizer uses.

    The first weights met on the way from there into the optimizer decide, if they belong to one layer.
    """
    layer_of_weight = _weights_at(computation, weights)
    found = {}
    for instruction in computation.instructions:
        using = users.get(instruction.name, [])
        if instruction.name in owners or not using or any(not _updates(name, owners) for name in using):
            continue
        seen, front = {instruction.name}, list(using)
        while front:
            met = {
                layer_of_weight[one]
                for name in front
                for one in computation.by_name[name].operands
                if one in layer_of_weight
            }
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
    """Instruction → layer, for the parameters that are weights and for their copies."""
    found: dict[str, str] = {}
    for one in computation.instructions:
        name = _OP_NAME.search(one.attributes)
        if one.opcode == "parameter" and name and name[1] in weights:
            found[one.name] = weights[name[1]]
        elif one.opcode in ("copy", "bitcast") and one.operands[0] in found:
            found[one.name] = found[one.operands[0]]
    return found


def _spread(computation: hlo.Computation, users: dict[str, list[str]], owners: dict[str, _Owner]) -> None:
    """Attribute instructions without a layer to that of their users, else of their operands, until nothing changes.

    Layers come before parts in brackets: a weight's gradient is work of the layer, though the optimizer uses it.
    """
    left = [one for one in computation.instructions if one.name not in owners and one.opcode != "constant"]
    for real in (True, False):
        # All instructions of a round see the same owners: the order of the text has no influence.
        while found := {
            one.name: owner
            for one in left
            if (owner := _most(users.get(one.name, ()), owners, real) or _most(one.operands, owners, real))
        }:
            owners.update(found)
            left = [one for one in left if one.name not in owners]


def _most(names: Iterable[str], owners: dict[str, _Owner], real: bool) -> _Owner | None:
    """The most frequent owner among these instructions; only layers if `real`, else only parts in brackets."""
    votes = Counter(owners[name] for name in names if name in owners)
    return max((one for one in votes if one.layer.startswith("(") != real), key=lambda one: votes[one], default=None)


def _inherit(program: hlo.Program, owners: dict[str, _Owner]) -> None:
    """Attribute instructions without a layer inside a loop to the layer of the loop."""
    for computation in reversed(program.computations.values()):
        for instruction in computation.instructions:
            owner = owners.get(instruction.name)
            for name in instruction.called(*_CALLED) if owner else ():
                for inner in program.computations[name].instructions if name in program.computations else ():
                    owners.setdefault(inner.name, owner)  # type: ignore[arg-type]  # the loop is empty without one
