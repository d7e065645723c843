"""JSON Lines files: appended line by line and forced to disk, read back with file and line named in each error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import first_mistake, printable, printable_values, well_formed

_Model = TypeVar("_Model", bound=BaseModel)
_TAIL_BYTES = 1 << 16
# Fields that hold cases.
_OF_CASES = ("case", "planned", "keras", "native")


def append_line(path: Path, line: str) -> None:
    """Append one line and force it to disk; a last line that was cut off while it was written goes.

    Nothing that ends in a line break is ever rewritten. Of a file that several processes may write to, the caller holds
    the lock.

    Raises:
        OSError: the line could not be written, and the file is as it was; `filename` is `path`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        end = _end_of_last_line(descriptor)
        try:
            os.ftruncate(descriptor, end)
            _write_all(descriptor, f"{line}\n".encode(), end)
            os.fsync(descriptor)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(descriptor, end)
            raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes, place: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, place)
        data, place = data[written:], place + written


def open_lines(path: Path) -> BinaryIO:
    """The file, open to read its lines.

    Raises:
        UsageError: it is a pipe or a device, on which reading may wait for ever.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: expected a file, got a folder, a pipe or a device")
    return path.open("rb")


def read_lines(
    path: Path,
    model: type[_Model],
    what: str,
    newest: int,
    remedy: str = "",
    complaint: Callable[[_Model], str] = lambda found: "",
) -> list[_Model]:
    """The lines of a file as models, in file order.

    A last line without a line break is what an interrupted write leaves: it is not read.

    Args:
        what: for messages: `a record`.
        newest: highest `schema_version` that can be read.
        remedy: for messages, of a damaged line.
        complaint: what is wrong with a line that has every field; empty for nothing.

    Raises:
        UsageError: a line is damaged or of a newer version; the message names file and line.
    """
    with open_lines(path) as file:
        return list(iterate_lines(file, path, model, what, newest, remedy, complaint=complaint))


def iterate_lines(
    lines: Iterable[bytes],
    path: Path,
    model: type[_Model],
    what: str,
    newest: int,
    remedy: str = "",
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = lambda data: data,
    complaint: Callable[[_Model], str] = lambda found: "",
) -> Iterator[_Model]:
    """Lines of a file as models, one by one; arguments and errors as for `read_lines`.

    Args:
        lines: with their line breaks.
        prepare: puts validated parts into an object before it is validated.
    """
    for number, line in enumerate(lines, start=1):
        if line.endswith(b"\n") and line.strip():
            yield read_model(line[:-1], model, f"{path}, line {number}", what, newest, remedy, prepare, complaint)


def read_model(
    text: bytes,
    model: type[_Model],
    where: str,
    what: str,
    newest: int,
    remedy: str = "",
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = lambda data: data,
    complaint: Callable[[_Model], str] = lambda found: "",
) -> _Model:
    """One JSON object as its model; arguments and errors as for `read_lines`.

    Args:
        where: file and line, for messages.
    """
    try:
        data = _object(text)
        if (version := data["schema_version"]) > newest:
            raise UsageError(
                f"{where} has schema_version {version}; this Anatomy reads 1 to {newest}: upgrade keras-anatomy"
            )
        found = model.model_validate(prepare(data))
        if not (why := complaint(found)):
            return found
    except ValidationError as error:
        why = first_mistake(error)
    except RecursionError:
        why = "it is nested too deep"
    except _DamagedError as error:
        why = str(error)
    raise UsageError("; ".join(part for part in (f"{where} is not {what}: {why}", remedy) if part))


class _DamagedError(Exception):
    """Why a text is no JSON object with a version."""


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = _parsed(text)
    except UnicodeDecodeError as error:
        raise _DamagedError(f"byte {error.start + 1} is not UTF-8") from error
    except RecursionError as error:
        raise _DamagedError("it is nested too deep") from error
    except ValueError as error:
        raise _DamagedError(f"not valid JSON: {error}") from error
    if not text.isascii() or b"\\" in text:
        # Only then can a text hold what a terminal or a page would take for more than text.
        found = _printable(found)
    if not isinstance(found, dict):
        raise _DamagedError(f"expected a JSON object, got {text[:40].decode('utf-8', 'replace')}")
    version = found.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _DamagedError(f"schema_version: expected a number from 1, got {version!r}")
    return found


def _printable(found: Any) -> Any:
    """All texts made printable; those of cases, of which keys are made, may keep what shapes their script."""
    if not isinstance(found, dict):
        return printable_values(found)
    return {
        printable(name): printable_values(value, well_formed if name in _OF_CASES else printable)
        for name, value in found.items()
    }


def _parsed(text: bytes) -> Any:
    try:
        # Twice as fast as json, and holds equal texts once.
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        # It refuses lone surrogates, which json reads, and json says what is wrong with others.
        return json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    """`NaN` and `Infinity` are no JSON, and no figure."""
    raise ValueError(f"{name} is no number")


def _end_of_last_line(descriptor: int) -> int:
    """Bytes up to and including the last line break."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        begin = max(0, end - _TAIL_BYTES)
        place = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if place >= 0:
            return begin + place + 1
        end = begin
    return 0
