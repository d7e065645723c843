"""Event files, which TensorBoard reads: equal events make equal files, so that writing again changes nothing.

Written with TensorBoard's own protobufs and records, since TensorFlow's need TensorFlow, and `EventFileWriter` gives
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
    """The file of one kind of events; TensorBoard reads those with `tfevents` in their names."""
    return folder / f"events.out.tfevents.0.anatomy.{kind}"


def summary_event(summary: Any, wall_time: float, step: int = 0) -> Any:
    """An Event with a Summary; `wall_time` in seconds since the epoch."""
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(summary=summary, wall_time=wall_time, step=step)


def write_events(folder: Path, kind: Kind, events: Iterable[Any]) -> None:
    """Write the file of this kind, in place of the one before; one that is the same is left alone."""
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
    # A TensorBoard that is open must not see half a file; it reads what has `tfevents` in its name.
    unfinished = folder / f".anatomy.{kind}.unfinished"
    unfinished.write_bytes(buffer.getvalue())
    unfinished.replace(path)


def started_s(record: Record) -> float:
    """Seconds since the epoch at which the case was started."""
    return datetime.fromisoformat(record.started_at).timestamp()
