"""The fuzzer: valid inputs are read, a planted fault is found and shortened, and a moment of it finds nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from tests.benchmarks.fuzz import Parser, mutated, parsers, place_of, shortened, wrong

NAMES = sorted(parsers())


@pytest.mark.parametrize("name", NAMES)
def test_every_parser_reads_its_valid_inputs_and_survives_some_mutations(name: str, tmp_path: Path) -> None:
    parser, chance = parsers()[name], random.Random(name)
    assert parser.valid
    for data in (*parser.valid[:3], *(mutated(chance.choice(parser.valid), parser.valid, chance) for _ in range(20))):
        error = wrong(parser, data, tmp_path)
        assert error is None, f"{place_of(error)}: {data[:300]!r}"


def test_a_planted_fault_is_found_and_shortened(tmp_path: Path) -> None:
    def read(data: bytes, folder: Path) -> None:
        if b"x" in data:
            raise KeyError("x")
        if b"y" in data:
            raise UsageError("y")

    parser = Parser([b"abc"], read)
    assert wrong(parser, b"y", tmp_path) is None
    error = wrong(parser, b"aaaaaxbbbb", tmp_path)
    assert isinstance(error, KeyError)
    assert shortened(parser, b"aaaaaxbbbb", tmp_path, place_of(error)) == b"x"
