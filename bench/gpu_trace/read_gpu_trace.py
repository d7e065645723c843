"""Opens a trace of a GPU by what is in the file, whatever its name."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.gpu_trace.kineto_file import GZIP, read_kineto
from anatomy.bench.gpu_trace.recorded_work import RecordedTrace, TraceFileError
from anatomy.bench.gpu_trace.xspace_file import read_xspace_trace

_HEAD_BYTES = 512
# How an XSpace begins: the tag of its field `planes`.
_PLANES = b"\n"
_EXPECTED = "expected the JSON of PyTorch's profiler, plain or gzip, or the .xplane.pb of JAX's or TensorFlow's"


def read_gpu_trace(path: Path) -> RecordedTrace:
    """Read a file of PyTorch's, JAX's or TensorFlow's profiler.

    Raises:
        TraceFileError: it does not exist, is empty, damaged, too large, of another kind, or has no work of a GPU.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise TraceFileError(f"{path} {what}: {_EXPECTED}")
    head = _head(path)
    if not head:
        raise TraceFileError(f"{path} is empty: {_EXPECTED}")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        return read_kineto(path)
    if head.startswith(_PLANES) and _is_packed(path):
        raise TraceFileError(f"{path} is a packed XSpace: unpack it first, with gunzip")
    try:
        return read_xspace_trace(path)
    except TraceFileError:
        raise
    except UsageError as error:
        if head.startswith(_PLANES):
            raise TraceFileError(f"{error} (it is cut short or damaged)") from error
        raise TraceFileError(f"{path} begins with {head[:8]!r}: {_EXPECTED}") from error


def _is_packed(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(len(GZIP)) == GZIP


def _head(path: Path) -> bytes:
    """The first bytes, unpacked."""
    if not _is_packed(path):
        with path.open("rb") as opened:
            return opened.read(_HEAD_BYTES)
    try:
        with gzip.open(path) as unpacked:
            return unpacked.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise TraceFileError(f"{path} is a damaged gzip file: {error}; copy it again") from error
