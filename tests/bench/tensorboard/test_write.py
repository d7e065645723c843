"""What a run's folder has for TensorBoard: every raw time once, and a row for each case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.errors import OutOfRangeError
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.util.tensor_util import make_ndarray

from anatomy.bench.records.gpu_use import CpuEnergy, GpuUse
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record_parts import Block
from anatomy.bench.records.run_store import Run, RunWriter
from anatomy.bench.tensorboard.event_files import event_file, write_graph
from anatomy.bench.tensorboard.export import write_tensorboard
from anatomy.bench.tensorboard.log_layout import case_folder
from tests.factories import make_record, make_run

START_S = 1_769_860_800.0  # 2026-01-31T12:00:00Z
GPU = GpuUse(
    index=1,
    name="Imaginary GPU",
    used=True,
    utilisation=0.75,
    samples=2,
    trace={
        "at_s": [-0.1, 0.1, 0.2, None],
        "power_w": [90.0, 100.0, None, 100.0],
        "utilisation": [0.0, 0.5, 1.0, 1.0],
        "gpm_since_s": [-0.2, 0.0, 0.1, 0.2],
    },
)
CPU = CpuEnergy(energy_j=4, packages_j={"package-0": 4}, trace={"at_s": [0.0, 0.1, 0.3], "package-0": [1.0, 2.0, 5.0]})


def events_of(path: Path) -> Iterator[Event]:
    reader: Any = PyRecordReader_New(str(path))
    with suppress(OutOfRangeError):
        while True:
            reader.GetNext()
            yield Event.FromString(reader.record())


def scalars_of(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """Tag → step, seconds since the start, value."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    for event in events_of(event_file(folder, "scalars")):
        for value in event.summary.value:
            point = (event.step, event.wall_time - START_S, make_ndarray(value.tensor).item())
            found.setdefault(value.tag, []).append(point)
    return found


def hparams_in(folder: Path) -> list[Any]:
    values = [value for event in events_of(event_file(folder, "hparams")) for value in event.summary.value]
    parsed = {
        metadata.EXPERIMENT_TAG: metadata.parse_experiment_plugin_data,
        metadata.SESSION_START_INFO_TAG: metadata.parse_session_start_info_plugin_data,
        metadata.SESSION_END_INFO_TAG: metadata.parse_session_end_info_plugin_data,
    }
    return [parsed[value.tag](value.metadata.plugin_data.content) for value in values]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    measured = make_record(
        "vgg:depth=11",
        case={"backend": "jax", "batch_size": 8},
        speed=16.0,
        steps=[0.5, 0.25],
        settings={"jit": True, "dtype_policy": "float32", "device": "cpu"},
        blocks=[Block(steps=2, seconds=1.0), Block(steps=4, seconds=2.0)],
        gpu=[GPU],
        host_use=HostUse(at_s=[0.25, 0.5], resident_bytes=[2**28, 2**29], cpu_s=[1.0, 1.5]),
        cpu_energy=CPU,
    )
    failed = make_record("mlp", case={"backend": "torch"}, outcome="oom", reason="no memory")
    counted = make_record("mlp", case={"mode": "count", "batch_size": 1})
    return make_run(tmp_path / "run", [measured, failed, counted])


def write(run: Run) -> Path:
    """With the utilisation of the first case."""
    return write_tensorboard(run.path, {run.records[0].key: {"MFU": 0.25}})


@pytest.fixture
def folders(run: Run) -> list[Path]:
    """The log directory, and the folders of the three cases."""
    logdir = write(run)
    return [logdir, *(case_folder(logdir, record.case) for record in run.records)]


def test_every_step_block_and_sample_is_a_point(folders: list[Path]) -> None:
    found = scalars_of(folders[1])
    near = pytest.approx
    assert found["steps/step time (s)"] == [near((0, 0.5, 0.5)), near((1, 0.75, 0.25))]
    assert [value for _, _, value in found["steps/throughput (examples per s)"]] == [16, 32]
    assert found["blocks/throughput (examples per s)"] == [near((0, 1, 16)), near((1, 3, 16))]
    # Neither what was sampled before the window nor what did not answer.
    assert found["GPU 1/power (W)"] == [near((100, 0.1, 100))]
    assert found["GPU 1/utilisation"] == [near((100, 0.1, 0.5)), near((200, 0.2, 1))]
    assert found["CPU package-0/power (W)"] == [near((100, 0.1, 10)), near((300, 0.3, 15))]
    assert found["host/memory (bytes)"] == [near((250, 0.25, 2**28)), near((500, 0.5, 2**29))]
    assert found["host/CPU cores in use"] == [near((500, 0.5, 2))]
    assert not [tag for tag in found if "since" in tag]


def test_figures_are_points_and_what_was_not_measured_is_none(folders: list[Path]) -> None:
    found = scalars_of(folders[1])
    assert found["summary/step time (s)"] == [(0, 0, 0.375)]
    assert found["summary/peak host memory (bytes)"] == [(0, 0, 420 * 2**20)]
    assert found["summary/GPU utilisation"] == [(0, 0, 0.75)]
    assert found["summary/MFU"] == [(0, 0, 0.25)]
    assert "summary/peak device memory (bytes)" not in found
    assert scalars_of(folders[2]) == {}


def test_a_row_has_what_was_asked_and_what_came_of_it(folders: list[Path]) -> None:
    began, ended = hparams_in(folders[1])
    assert began.group_name == folders[1].name
    assert began.group_name.startswith("vgg·jax·train·b8·")
    row = {name: getattr(value, value.WhichOneof("kind")) for name, value in began.hparams.items()}
    assert row == {
        "model": "vgg:depth=11",
        "mode": "train",
        "backend": "jax",
        "batch size": 8,
        "dtype": "float32",
        "jit": "auto",
        "jit in effect": "true",
        "devices": 1,
        "model parallel": 1,
        "feed": "numpy",
    }
    assert ended.status == api_pb2.STATUS_SUCCESS
    assert hparams_in(folders[2])[1].status == api_pb2.STATUS_FAILURE


def test_the_table_has_a_column_for_each_setting_and_figure(folders: list[Path]) -> None:
    (experiment,) = hparams_in(folders[0])
    columns = {info.name: list(info.domain_discrete) for info in experiment.hparam_infos}
    assert columns["backend"] == ["jax", "torch"]
    assert columns["model"] == ["mlp", "vgg:depth=11"]
    # Those that differ, and the mode and dtype, which do not.
    assert set(columns) == {"model", "mode", "backend", "batch size", "dtype", "jit in effect"}
    tags = [info.name.tag for info in experiment.metric_infos]
    assert tags[:2] == ["summary/step time (s)", "summary/throughput (examples per s)"]
    assert "summary/MFU" in tags
    assert set(tags) == {tag for tag in scalars_of(folders[1]) if tag.startswith("summary/")}


def test_a_case_that_was_only_counted_is_not_there(folders: list[Path]) -> None:
    assert not folders[3].exists()


def test_writing_again_changes_nothing(run: Run, folders: list[Path]) -> None:
    def state() -> dict[Path, tuple[int, bytes]]:
        files = [path for path in folders[0].rglob("*") if path.is_file()]
        return {path: (path.stat().st_ino, path.read_bytes()) for path in files}

    before = state()
    assert len(before) == 5
    write(run)
    assert state() == before


def test_a_case_that_was_measured_again_has_its_new_points_alone(run: Run, folders: list[Path]) -> None:
    again = run.records[0].model_copy(update={"step_s": [0.125]})
    RunWriter(run.path).append(again)
    write_tensorboard(run.path, figures={again.key: {"input wait (s)": 0.5}})
    found = scalars_of(folders[1])
    assert found["steps/step time (s)"] == [(0, 0.125, 0.125)]
    assert found["summary/input wait (s)"] == [(0, 0, 0.5)]


def test_a_graph_is_written_as_it_came(tmp_path: Path) -> None:
    write_graph(tmp_path / "case", b"graph")
    assert [event.graph_def for event in events_of(event_file(tmp_path / "case", "graph"))] == [b"", b"graph"]
