"""What a user says of one input: its shape, dtype and range of values, as in `image=224x224x3:uint8:0..255`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from anatomy.bench.records.frozen import Frozen

_SHAPE = re.compile(r"\d+(x\d+)*")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")
SCALAR = "scalar"
DTYPES = (
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *("float16", "bfloat16", "float32", "float64", "bool", "string"),
)


class InputSpec(Frozen):
    """What is given of one input; what is not given stays as the model has it.

    Attributes:
        shape: of one example, without the batch axis; empty for a scalar.
        dtype: name of a Keras dtype.
        low, high: range of the values, both included.
    """

    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        parts = [] if self.shape is None else ["x".join(map(str, self.shape)) or SCALAR]
        parts += [self.dtype] if self.dtype else []
        parts += (
            [f"{_number(self.low)}..{_number(self.high)}"] if self.low is not None and self.high is not None else []
        )
        return ":".join(parts)


def parse_input(text: str) -> tuple[str, InputSpec]:
    """Parse `PATH=SHAPE:DTYPE:LOW..HIGH`, each part optional; without `PATH=` the model's only input is meant.

    Returns:
        The path, empty without one, and what is given.

    Raises:
        ValueError: a part is none of the three, or there is none.
    """
    path, _, said = text.rpartition("=")
    return path.strip(), parse_spec(said, text)


def parse_spec(said: str, text: str = "") -> InputSpec:
    """Parse `SHAPE:DTYPE:LOW..HIGH`; `text` is what an error names.

    Raises:
        ValueError: a part is none of the three, is given twice, or there is none.
    """
    found: dict[str, object] = {}
    for part in (part.strip() for part in said.split(":")):
        new = _parse_part(part)
        if new is None or found.keys() & new.keys():
            raise ValueError(
                f"{text or said!r}: expected a shape such as 128, 224x224x3 or {SCALAR}, a dtype such as uint8, or a"
                f" range such as 0..255, each at most once and with ':' between them; got {part!r}"
            )
        found |= new
    return InputSpec.model_validate(found)


def parse_inputs(texts: Iterable[str]) -> dict[str, str]:
    """Parse several, and return path → canonical text.

    Raises:
        ValueError: one is wrong, or a path is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        path, spec = parse_input(text)
        if path in found:
            raise ValueError(f"input {path or 'of the model'!r} is given twice: {found[path]} and {spec}")
        found[path] = str(spec)
    return found


def parse_shapes(texts: Sequence[str]) -> list[int] | dict[str, list[int]] | None:
    """`["50x100"]` → `[50, 100]`; `["a=50x100,b=7"]` → `{"a": [50, 100], "b": [7]}`; nothing → `None`.

    Raises:
        ValueError: not lengths joined by "x", or several shapes without names.
    """
    parts = [part.strip() for text in texts for part in text.split(",")]
    if len(parts) == 1 and "=" not in parts[0]:
        return _lengths(parts[0])
    named = [part.rpartition("=") for part in parts]
    if not all(name and equals for name, equals, _ in named):
        raise ValueError(f"--input-shape {','.join(parts)}: several shapes need names, as in words=50x100,extra=7")
    if twice := {name for name, _, _ in named if [one for one, _, _ in named].count(name) > 1}:
        raise ValueError(f"--input-shape gives {', '.join(sorted(twice))} twice")
    shapes = {name.strip(): _lengths(said) for name, _, said in named}
    return {name: shape for name, shape in shapes.items() if shape is not None} or None


def canonical(inputs: Mapping[str, str]) -> dict[str, str]:
    """Path → canonical text, in the order of the paths."""
    return {path: str(parse_spec(inputs[path], f"{path}={inputs[path]}")) for path in sorted(inputs)}


def _lengths(text: str) -> list[int] | None:
    """The lengths of an input; its dtype and range, which may be there, are left out."""
    try:
        shape = parse_spec(text).shape
    except ValueError as error:
        raise ValueError(
            f'--input-shape {text!r}: expected positive lengths joined by "x", as in 224x224x3, or scalar'
        ) from error
    return None if shape is None else list(shape)


def _parse_part(part: str) -> dict[str, object] | None:
    if part == SCALAR:
        return {"shape": ()}
    if _SHAPE.fullmatch(part):
        shape = tuple(map(int, part.split("x")))
        return {"shape": shape} if all(shape) else None
    if part in DTYPES:
        return {"dtype": part}
    if matched := _RANGE.fullmatch(part):
        low, high = map(float, matched.groups())
        return {"low": low, "high": high} if low <= high and math.isfinite(high - low) else None
    return None


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
