"""Which parameters reach the builder in a fresh process, and as what."""

from __future__ import annotations

import json
from collections import namedtuple
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import Any

import numpy as np
import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.pytest_plugin.json_parameters import json_value, shown_parameters


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    RELU = "relu"


class Kind(Enum):
    CONVOLUTION = 1


@dataclass
class Shape:
    width: int = 3

    def __repr__(self) -> str:
        raise RuntimeError("no text")


Pair = namedtuple("Pair", "a b")
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)

CONVERTED: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (2.5, 2.5),
    ("relu", "relu"),
    ((1, (2, 3)), [1, [2, 3]]),
    ({"a": (1,), "b": {"c": None}}, {"a": [1], "b": {"c": None}}),
    (np.int64(3), 3),
    (np.float32(0.5), 0.5),
    (np.bool_(True), True),
    (np.str_("relu"), "relu"),
    (Number.ONE, 1),
    (Word.RELU, "relu"),
    ([Number.ONE, np.uint8(7)], [1, 7]),
]
REFUSED: list[tuple[Any, str]] = [
    (dict, "the parameter p is the class dict;"),
    (len, "the parameter p is the function len;"),
    (lambda: 3, "the function .*<lambda>;"),
    (Kind.CONVOLUTION, "Kind.CONVOLUTION, which does not equal its value 1;"),
    (Shape(), "<Shape>, of the type Shape;"),
    (Pair(1, 2), r"Pair\(a=1, b=2\), of the type Pair;"),
    ([1, {"x": b"2"}], r"the parameter p\[1\]\['x'\] is b'2', of the type bytes;"),
    ({1: 2}, "a dict with the key 1, which is no text;"),
    ({(1, 2): 3}, r"a dict with the key \(1, 2\), which is no text;"),
    (float("nan"), "nan, which JSON does not have;"),
    (np.float32("inf"), "inf, which JSON does not have;"),
    (np.zeros(3), "of the type ndarray;"),
    (np.longdouble(1), "of the type longdouble;"),
    (1j, "of the type complex;"),
    ({1}, "of the type set;"),
    (ENDLESS, "the parameter p contains itself;"),
]


@pytest.mark.parametrize(("given", "got"), CONVERTED)
def test_a_json_value_and_what_stands_for_one_go_through(given: Any, got: Any) -> None:
    found = json_value(given, "p")
    assert (found, type(json.loads(json.dumps(found)))) == (got, type(got))


@pytest.mark.parametrize(("given", "said"), REFUSED)
def test_other_parameters_are_refused_by_name_with_the_remedy(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=rf"{said} give a JSON value .*`anatomy` fixture"):
        json_value(given, "p")


def test_every_parameter_can_be_written_to_a_file() -> None:
    shown = shown_parameters({str(place): given for place, (given, _) in enumerate([*CONVERTED, *REFUSED])})
    json.dumps(shown, allow_nan=False)
    assert list(shown.values())[: len(CONVERTED)] == [got for _, got in CONVERTED]
    assert shown_parameters({"long": b"x" * 500})["long"] == f"b'{'x' * 77}…"
