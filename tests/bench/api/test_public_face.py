"""The functions of `anatomy.bench`, as a script uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anatomy.bench as ab
from tests.factories import make_record, make_run

EXAMPLE = Path(__file__).parents[3] / "reports" / "examples" / "quick"
BRIEF: dict[str, Any] = {"seconds": 0.2, "timeout_s": 120.0}


def test_every_name_is_there_and_has_a_docstring() -> None:
    for name in ab.__all__:
        assert getattr(ab, name).__doc__, name
    assert set(ab.__all__) <= set(dir(ab))
    with pytest.raises(AttributeError, match="no attribute 'measur'"):
        ab.measur  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.backends
def test_a_model_by_name_is_measured(tmp_path: Path) -> None:
    record = ab.measure(
        "mlp:classes=3,input_size=8,hidden=4", backend="torch", mode="infer", batch_size=2, out=tmp_path / "r", **BRIEF
    )
    assert (record.outcome, record.reason) == ("ok", "")
    assert (record.case.backend, record.case.mode, record.case.batch_size) == ("torch", "infer", 2)
    assert ab.load_run(tmp_path / "r").record(record.key) == record


@pytest.mark.backends
@pytest.mark.parametrize("backend", ["torch", "jax"])
# Keras on TensorFlow calls numpy the old way when it saves.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_live_model_is_measured_on_whichever_backend_is_asked_for(backend: str) -> None:
    import keras

    layers = [keras.Input((6,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)]
    model = keras.Sequential(layers, name="two dense")
    model.compile(optimizer=keras.optimizers.Adam(), loss="mse")
    record = ab.measure(model, backend=backend, batch_size=4, **BRIEF)
    assert record.outcome == "ok", record.reason
    assert record.case.backend == backend
    assert record.case.model == "two_dense.py:build"
    assert record.counts is not None
    assert record.counts.parameters == model.count_params()
    # The settings of its own `compile` are used.
    assert record.settings["optimizer"] == "Adam"


@pytest.mark.backends
# Keras's own, where it saves weights that live in torch.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_live_model_is_fitted_on_its_own_data() -> None:
    import keras

    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(100, 8)(tokens))
    model = keras.Model({"tokens": tokens}, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    rng = np.random.default_rng(0)
    data = {"tokens": rng.integers(10, 90, (64, 12))}, rng.integers(0, 2, (64, 1)).astype(np.float32)
    record = ab.measure(model, data=data, backend="jax", mode="fit", batch_size=16, seconds=0.2)
    assert (record.outcome, record.checks["loss goes down"]) == ("ok", "passed"), record.reason
    (drawn,) = record.inputs
    assert (drawn.path, drawn.shape, drawn.why) == ("tokens", (16, 12), "given with the model")
    assert drawn.range is not None
    assert 10 <= drawn.range[0] < drawn.range[1] < 90
    with pytest.raises(ab.UsageError, match="a function returns them beside its model"):
        ab.measure("mlp", data=data)


def test_a_live_model_with_a_layer_of_the_notebook_is_refused_with_the_remedy() -> None:
    import keras

    class Twice(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    Twice.__module__ = "__main__"
    with pytest.raises(ab.UsageError, match=r"Twice: defined in the notebook .* move the class to a module"):
        ab.measure(keras.Sequential([keras.Input((2,)), Twice()]))


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("mlpp", {}, "did you mean 'mlp'"),
        ("mlp", {"backend": "jaxx"}, "jaxx"),
        ("mlp", {"second": 1}, "did you mean 'seconds'"),
        ("mlp", {"seconds": 0}, "seconds = 0: input should be greater than 0"),
        ("mlp", {"memory_limit": "plenty"}, "plenty"),
        (7, {}, "expected a model as text, a keras.Model or a function that returns one, got builtins.int"),
        (Path("absent.keras"), {}, "no file absent.keras"),
    ],
)
def test_a_mistake_is_named_before_anything_is_measured(model: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ab.UsageError, match=message):
        ab.measure(model, **options)


def test_the_largest_batch_takes_no_batch_size() -> None:
    with pytest.raises(ab.UsageError, match="batch_size=8: the search finds it"):
        ab.largest_batch("mlp", batch_size=8)


@pytest.mark.backends
def test_a_suite_made_in_python_is_measured_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = ab.Matrix(model=("mlp:classes=3,input_size=8,hidden=4",), backend=("torch",), batch_size=(2, 4))
    suite = ab.Suite(name="mine", matrix=(matrix,), mode=("infer",))
    run = ab.run_suite(suite, out=tmp_path / "run", listener=ab.progress(), **BRIEF)
    frame = run.to_frame()
    assert list(frame["batch_size"]) == [2, 4]
    assert (frame["outcome"] == "ok").all()
    assert (frame["throughput_examples_per_s"] > 0).all()
    rows = capsys.readouterr().out.splitlines()
    assert sum("torch b" in row for row in rows) == 2
    again = ab.run_suite(resume=tmp_path / "run")
    assert again.records == run.records


@pytest.mark.long
def test_a_run_is_a_frame_a_report_and_a_table(tmp_path: Path) -> None:
    run = ab.load_run(EXAMPLE)
    frame = run.to_frame()
    assert len(frame) == len(run.records)
    record = run.records[0]
    row = frame.loc[record.name]
    assert row["throughput_examples_per_s"] == record.throughput_examples_per_s
    assert row["peak_host_bytes"] == record.peak_host_bytes
    assert "<table" in run._repr_html_()
    assert "<h1" in run.report(tmp_path / "mine.html").read_text()
    assert run.report(tmp_path / "mine.md").read_text().startswith("#")
    with pytest.raises(ab.UsageError, match=r"mine\.pdf: expected a name that ends in \.html or \.md"):
        run.report(tmp_path / "mine.pdf")


def test_names_from_outside_are_escaped_in_the_table(tmp_path: Path) -> None:
    record = make_record("mlp").model_copy(update={"name": "<script>alert(1)</script>"})
    assert "<script>" not in ab.load_run(make_run(tmp_path / "run", [record]).path)._repr_html_()


def test_counting_needs_no_measuring() -> None:
    counts = ab.count("vgg:depth=16")
    assert counts.parameters == 138_357_544


def _run(folder: Path, *throughputs: float, **fields: Any) -> ab.StoredRun:
    record = make_record("mlp").model_copy(update={"process_throughputs": list(throughputs), **fields})
    return ab.load_run(make_run(folder, [record]).path)


def test_runs_are_compared_by_the_intervals_between_their_processes(tmp_path: Path) -> None:
    base = _run(tmp_path / "a", 100.0, 101.0, 102.0)
    slower = ab.compare(base, _run(tmp_path / "b", 50.0, 50.5, 51.0)).iloc[0]
    assert slower["ratio"] == pytest.approx(0.5)
    assert slower["low"] < 0.5 < slower["high"] < 1
    assert slower["verdict"] == "slower"
    alike = ab.compare(base, _run(tmp_path / "c", 100.5, 101.0, 101.5)).iloc[0]
    assert alike["verdict"] == "too close"


def test_one_process_a_side_gives_no_verdict(tmp_path: Path) -> None:
    one = make_run(tmp_path / "a", [make_record("mlp", speed=100.0)])
    other = make_run(tmp_path / "b", [make_record("mlp", speed=10.0)])
    found = ab.compare(one.path, other.path).iloc[0]
    assert found["ratio"] == pytest.approx(0.1)
    assert found["verdict"] in ("one process", "no interval")


@pytest.mark.long
def test_a_run_is_too_close_to_itself() -> None:
    assert set(ab.compare(EXAMPLE, EXAMPLE)["verdict"]) <= {"too close", "not measured", "a: unsupported"}


@pytest.mark.long
def test_runs_of_different_machines_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(ab.UsageError, match="different machines or software"):
        ab.compare(make_run(tmp_path / "a", [make_record("mlp")]), EXAMPLE)


def test_the_gate_names_what_cannot_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ab.UsageError, match="both sides are the same"):
        ab.gate("mlp", backend="torch")
    with pytest.raises(ab.UsageError, match="jaxx"):
        ab.gate("mlp", against="main", backend=["jaxx"])


@pytest.mark.quiet
@pytest.mark.backends
def test_the_gate_compares_two_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = ab.gate(
        "mlp:classes=3,input_size=8,hidden=4",
        candidate={"env:ANATOMY_TEST": "1"},
        backend="torch",
        mode="infer",
        batch_size=2,
        tolerate={"step": "any", "compile": "any", "peak_host": "any"},
        minutes=0.5,
        out=tmp_path / "result",
    )
    assert [case.case.backend for case in result.cases] == ["torch"]
    assert result.verdict in ("PASS", "INCONCLUSIVE")
    assert (tmp_path / "result" / "gate.json").exists()
