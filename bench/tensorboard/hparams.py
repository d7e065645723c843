"""Write HParams, TensorBoard's table of cases by settings and figures.

The columns are defined by the experiment at the top of the log directory; the values of a case are in its folder.
https://github.com/tensorflow/tensorboard/tree/master/tensorboard/plugins/hparams
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anatomy.bench.records.record import Record
from anatomy.bench.tensorboard.event_files import started_s, summary_event, write_events
from anatomy.bench.tensorboard.summary_figures import summary_tag

Value = bool | float | str
# Always shown. Other settings are shown only if cases differ in them: the table ticks five columns at first.
COLUMNS = ("model", "mode", "backend", "batch size", "dtype")


def write_experiment(logdir: Path, records: Sequence[Record], figures: Iterable[str]) -> None:
    """Write the columns: settings, and the names of figures that cases have in their summaries."""
    from tensorboard.plugins.hparams import summary_v2

    hparams = [
        summary_v2.HParam(name, summary_v2.Discrete(values))
        for name, values in _values([hparams_of(record) for record in records]).items()
        if name in COLUMNS or len(values) > 1
    ]
    metrics = [summary_v2.Metric(summary_tag(figure), display_name=figure) for figure in dict.fromkeys(figures)]
    created_s = min(map(started_s, records), default=0.0)
    summary = summary_v2.hparams_config_pb(hparams, metrics, time_created_secs=created_s)
    write_events(logdir, "hparams", [summary_event(summary, created_s)])


def write_hparams(folder: Path, record: Record) -> None:
    """Write a case's row, named after its folder, with its settings and whether it was measured."""
    from tensorboard.plugins.hparams import summary_v2

    start_s = started_s(record)
    began = summary_v2.hparams_pb(hparams_of(record), trial_id=folder.name, start_time_secs=start_s)
    events = [summary_event(began, start_s), summary_event(_ended(record, start_s), start_s)]
    write_events(folder, "hparams", events)


def hparams_of(record: Record) -> Mapping[str, Value]:
    """The settings of a case, and whether its step was compiled, where the backend tells."""
    from anatomy.models import format_model

    case = record.case
    asked: dict[str, Value] = {
        "model": format_model(case.model, case.options),
        "mode": case.mode,
        "backend": case.backend,
        "batch size": case.batch_size,
        "dtype": case.dtype,
        "jit": case.jit,
        "devices": case.devices,
        "model parallel": case.model_parallel,
        "feed": case.feed_name,
    }
    compiled = record.parity.jit if record.parity else None
    return asked if compiled is None else asked | {"jit in effect": str(compiled).lower()}


def _values(rows: Iterable[Mapping[str, Value]]) -> dict[str, set[Value]]:
    """Setting → all values that cases have for it."""
    found: dict[str, set[Value]] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, set()).add(value)
    return found


def _ended(record: Record, start_s: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    phases = record.phases
    spent_s = sum(seconds or 0 for seconds in (phases.start_s, phases.build_s, phases.compile_s, phases.measure_s))
    status = api_pb2.STATUS_SUCCESS if record.outcome == "ok" else api_pb2.STATUS_FAILURE
    ended = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=start_s + spent_s)
    about = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=ended))
    value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])
