"""Write TensorBoard's event files. Equal events give equal files: writing them again changes nothing.

Uses TensorBoard's own protobufs and record format, since TensorFlow's require TensorFlow and `EventFileWriter` gives
each file another name and time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from anatomy.bench.records.record import Record

Kind = Literal["scalars", "hparams", "graph"]
_VERSION = "brain.Event:2"


def event_file(folder: Path, kind: Kind) -> Path:
    """The file for one kind of events. TensorBoard reads files with `tfevents` in their names."""
    return folder / f"events.out.tfevents.0.anatomy.{kind}"


def summary_event(summary: Any, wall_time: float, step: int = 0) -> Any:
    """An `Event` with a `Summary`; `wall_time` is in seconds since the epoch."""
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(summary=summary, wall_time=wall_time, step=step)


def write_events(folder: Path, kind: Kind, events: Iterable[Any]) -> None:
    """Replace the file of this kind; a file with the same contents is left alone."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = BytesIO()
    writer = RecordWriter(buffer)
    for event in (Event(file_version=_VERSION), *events):
        writer.write(event.SerializeToString(deterministic=True))
    path = event_file(folder, kind)
    if path.exists() and path.read_bytes() == buffer.getvalue():
        return
    folder.mkdir(parents=True, exist_ok=True)
    # A running TensorBoard must not read half a file: this name lacks `tfevents`.
    unfinished = folder / f".anatomy.{kind}.unfinished"
    unfinished.write_bytes(buffer.getvalue())
    unfinished.replace(path)


def write_graph(folder: Path, graph_def: bytes) -> None:
    """Write a graph for the Graphs tab: a serialised TensorFlow GraphDef."""
    from tensorboard.compat.proto.event_pb2 import Event

    write_events(folder, "graph", [Event(graph_def=graph_def)])


def started_s(record: Record) -> float:
    """When the case was started, in seconds since the epoch."""
    return datetime.fromisoformat(record.started_at).timestamp()
