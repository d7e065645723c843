"""Reads the text of an XLA program (HLO) into instructions.

The text form is described at https://openxla.org/xla/operation_semantics and written by
`HloModule::ToString`; both the program as JAX hands it over and the optimised one have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_HEADER = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.-]+) (?:\(.*\) -> .* )?\{$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?(?P<name>[\w.-]+) = (?P<rest>.*)$")
_OPCODE = re.compile(r"\s*(?P<opcode>[a-z][\w-]*)\(")
_COMMENT = re.compile(r"/\*.*?\*/")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        operands: names of instructions, or the literal of a constant.
        attributes: the text behind the operands.
    """

    name: str
    opcode: str
    operands: tuple[str, ...]
    attributes: str

    def attribute(self, name: str) -> str:
        """The text of an attribute without its braces; empty for one that is not given."""
        found = re.search(rf"(?:^|[ ,]){name}=(?:\{{(?P<braced>[^}}]*)\}}|(?P<bare>[^ ,]+))", self.attributes)
        return (found["braced"] or found["bare"] or "") if found else ""

    def called(self, *names: str) -> list[str]:
        """The computations that attributes of these names refer to."""
        texts = (self.attribute(name) for name in names)
        return [part.strip().lstrip("%") for text in texts if text for part in text.split(",")]


@dataclass(frozen=True)
class Computation:
    """A function of the program."""

    name: str
    instructions: tuple[Instruction, ...]

    @cached_property
    def by_name(self) -> dict[str, Instruction]:
        """Name → instruction."""
        return {instruction.name: instruction for instruction in self.instructions}


@dataclass(frozen=True)
class Program:
    """The computations of a module by their name, callees first."""

    computations: dict[str, Computation]


def read(text: str) -> Program:
    """Read the text of a module.

    Raises:
        ValueError: a line of a computation cannot be read, or no computation is marked as the entry.
    """
    computations: dict[str, Computation] = {}
    entry = name = ""
    body: list[Instruction] | None = None
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            name, body = header["name"], []
            entry = name if header["entry"] else entry
        elif line == "}" and body is not None:
            computations[name] = Computation(name, tuple(body))
            body = None
        elif body is not None and line.strip():
            body.append(_instruction(_COMMENT.sub("", line)))
    if entry not in computations:
        raise ValueError("expected the text of an HLO module with an ENTRY computation, found none")
    return Program(computations)


def _instruction(line: str) -> Instruction:
    found = _INSTRUCTION.match(line)
    rest = found["rest"] if found else ""
    # The shape of the result comes first; a tuple's is in parentheses.
    opcode = _OPCODE.match(rest, _closing(rest, 0) + 1 if rest.startswith("(") else max(0, rest.find(" ")))
    if found is None or opcode is None:
        raise ValueError(f"expected an HLO instruction, got {line.strip()[:120]!r}")
    end = _closing(rest, opcode.end() - 1)
    # An operand is "a", or with its type "f32[2]{0} %a".
    operands = tuple(part.split()[-1].lstrip("%") for part in _split(rest[opcode.end() : end]))
    return Instruction(found["name"], opcode["opcode"], operands, rest[end + 1 :])


def _closing(text: str, start: int) -> int:
    """The place of the parenthesis that closes the one at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"expected balanced parentheses in {text[:120]!r}")


def _split(text: str) -> list[str]:
    """Split at commas outside of brackets and braces."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [part for part in [*parts, text[start:]] if part.strip()]
