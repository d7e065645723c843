"""Reads the text of an XLA program (HLO) into instructions.

The text form is described at https://openxla.org/xla/operation_semantics and written by
`HloModule::ToString`; both the program as JAX hands it over and the optimised one have it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_HEADER = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.-]+) (?:\(.*\) -> .* )?\{$")
_INSTRUCTION = re.compile(r"^\s+(?P<root>ROOT )?%?(?P<name>[\w.-]+) = (?P<rest>.*)$")
_OPCODE = re.compile(r"\s*(?P<opcode>[a-z][\w-]*)\(")
_ARRAY = re.compile(r"[a-z]\w*\[(?P<lengths>[\d,<=]*)\]")
_COMMENT = re.compile(r"/\*.*?\*/")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        shapes: of its result; several for a tuple.
        operands: names of instructions, or the literal of a constant.
        attributes: the text behind the operands.
    """

    name: str
    opcode: str
    shapes: tuple[tuple[int, ...], ...]
    operands: tuple[str, ...]
    attributes: str
    is_root: bool

    def attribute(self, name: str) -> str:
        """The text of an attribute, without its braces; empty where it is not given."""
        found = re.search(rf"(?:^|[ ,]){name}=(?:\{{(?P<braced>[^}}]*)\}}|(?P<bare>[^ ,]+))", self.attributes)
        return (found["braced"] or found["bare"] or "") if found else ""

    def numbers(self, name: str) -> list[int]:
        """The integers of an attribute, in order."""
        return [int(text) for text in re.findall(r"\d+", self.attribute(name))]

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
        """Instructions by their name."""
        return {instruction.name: instruction for instruction in self.instructions}

    @property
    def root(self) -> Instruction:
        """The instruction whose result is the computation's."""
        return next(instruction for instruction in self.instructions if instruction.is_root)


@dataclass(frozen=True)
class Program:
    """The computations of a module and the name of the one that is run."""

    computations: dict[str, Computation]
    entry: str


def read(text: str) -> Program:
    """Read the text of a module.

    Raises:
        ValueError: a line of a computation cannot be read, or there is no entry.
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
    return Program(computations, entry)


def _instruction(line: str) -> Instruction:
    found = _INSTRUCTION.match(line)
    if found is None:
        raise ValueError(f"expected an HLO instruction, got {line.strip()[:120]!r}")
    rest = found["rest"]
    shape_end = _closing(rest, 0) + 1 if rest.startswith("(") else rest.index(" ")
    opcode = _OPCODE.match(rest, shape_end)
    if opcode is None:
        raise ValueError(f"expected an HLO instruction, got {line.strip()[:120]!r}")
    end = _closing(rest, opcode.end() - 1)
    arguments = rest[opcode.end() : end]
    # With types ("f32[2]{0} %a") or without ("a"): the name is what comes last.
    operands = tuple(part.split()[-1].lstrip("%") for part in _split(arguments))
    shapes = tuple(_lengths(array["lengths"]) for array in _ARRAY.finditer(rest[:shape_end]))
    return Instruction(found["name"], opcode["opcode"], shapes, operands, rest[end + 1 :], bool(found["root"]))


def _lengths(text: str) -> tuple[int, ...]:
    return tuple(int(part.lstrip("<=")) for part in text.split(",") if part)


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
