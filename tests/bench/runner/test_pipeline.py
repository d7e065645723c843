"""Fork server → worker → supervisor → store → report, with a scripted step: about a second per run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import psutil
import pytest
from typer.testing import CliRunner

import anatomy.bench as ab
from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes
from anatomy.bench.records.caveats import DISTURBED
from anatomy.bench.records.machine_look import read_looks
from anatomy.bench.records.run_store import RECORDS_FILE, load_run
from anatomy.bench.runner import look_at_machine, measure_run, measuring_lock
from tests.bench.conftest import TESTS
from tests.bench.runner.conftest import FAKE_SERVER
from tests.fake_fork_server import STEP_S

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("fake_server")]

SCRIPTED = str(TESTS / "data" / "scripted_steps.py")
TROUBLED = str(TESTS / "data" / "troubled_models.py")
ANATOMY = [
    sys.executable,
    "-c",
    f"from anatomy.bench.runner import fork_client; fork_client.SERVER_MODULE = {FAKE_SERVER!r};"
    "from anatomy.bench.cli.main import main; main()",
]
OUTCOMES = {
    f"{SCRIPTED}:scripted": ("ok", ""),
    f"{SCRIPTED}:constant": ("invalid", "outputs are the same"),
    f"{SCRIPTED}:frozen": ("invalid", "weight"),
    f"{SCRIPTED}:stuck": ("invalid", "loss"),
    f"{SCRIPTED}:diverged": ("invalid", "finite"),
    f"{SCRIPTED}:uncountable": ("ok", ""),
    f"{TROUBLED}:killed": ("crashed", "SIGKILL in phase build"),
    f"{TROUBLED}:leaves": ("crashed", "status 7"),
    f"{TROUBLED}:babbles": ("crashed", "expected an event of the protocol"),
    f"{TROUBLED}:raises": ("crashed", "RuntimeError: this model cannot be built"),
    f"{TROUBLED}:never_returns": ("timeout", "not finished after 10 s, in phase build"),
    f"{TROUBLED}:allocates_without_bound": ("oom", "of a limit of 0.50 GiB in phase build"),
    f"{TROUBLED}:not_a_model": ("crashed", "returned an int, not a Keras model"),
    f"{TROUBLED}:open_shape": ("unsupported", "is open"),
    "mlp": ("ok", ""),
}


def suite(*models: str, **axes: Any) -> ab.Suite:
    return ab.Suite.model_validate({"name": "scripted", "matrix": [{"model": models, "backend": "jax", **axes}]})


def test_every_outcome_is_a_record_on_disk_and_in_the_report(tmp_path: Path) -> None:
    planned = suite(*OUTCOMES, mode="train", batch_size=4)
    run = ab.run_suite(planned, out=tmp_path / "run", seconds=2, timeout_s=10, memory_limit="512MiB")
    assert len(run.records) == len(OUTCOMES)
    for record, (outcome, reason) in zip(run.records, expected("train"), strict=True):
        assert record.outcome == outcome, f"{record.name}: {record.outcome}: {record.reason}"
        assert reason in record.reason
        if outcome in ("crashed", "timeout", "oom", "unsupported"):
            assert "step_s" in record.not_measured
    page = run.report(tmp_path / "report.html").read_text().replace("<wbr>", "")
    measured = [record for record in run.records if record.outcome == "ok"]
    assert measured
    assert all(f">{record.name.partition(' ')[0]}</th>" in page for record in measured)
    assert "this model cannot be built" in page


BROUGHT = """
import keras
import numpy
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
open("model.json", "w").write(model.to_json())
def with_data(): return model, numpy.ones((8, 4), "float32")
def torch_like(): return type("Net", (type("Module", (), {"__module__": "torch.nn"}),), {})()
"""


def test_models_are_found_from_the_directory_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brought.py").write_text(BROUGHT)
    models = ["brought.py:model", "brought.with_data", "brought:torch_like"]
    run = ab.run_suite(suite(*models, mode="infer", batch_size=4), out="run", steps=3)
    assert [record.outcome for record in run.records] == ["ok", "ok", "crashed"]
    assert "keras.layers.TorchModuleWrapper" in run.records[-1].reason
    run = ab.run_suite(suite("model.json", mode="infer", batch_size=4), out="saved", steps=3)
    assert [(record.case.model, record.outcome) for record in run.records] == [("model.json", "ok")]


def expected(mode: str) -> list[tuple[str, str]]:
    """Outcomes in the order of the cases; outputs are looked at in inference, weights and losses in training."""
    only_infer = {f"{SCRIPTED}:constant"}
    return [("ok", "") if mode == "train" and model in only_infer else found for model, found in OUTCOMES.items()]


def test_outputs_that_do_not_depend_on_the_inputs_are_invalid() -> None:
    record = ab.measure(f"{SCRIPTED}:constant", backend="jax", mode="infer", seconds=1)
    assert (record.outcome, record.step_s) == ("invalid", record.step_s)
    assert "input" in record.reason


def test_a_model_that_cannot_be_counted_is_measured_and_says_why() -> None:
    record = ab.measure(f"{SCRIPTED}:uncountable", backend="jax", mode="infer", batch_size=8, seconds=1)
    assert (record.outcome, record.counts) == ("ok", None)
    assert "RuntimeError: not on shapes (scripted_steps.py, line" in record.not_measured["counts"]
    assert "nor twice" not in record.not_measured["counts"]
    assert record.step_median_s == pytest.approx(STEP_S, rel=0.05)


def test_the_figures_are_those_of_the_script() -> None:
    record = ab.measure("mlp", backend="jax", mode="infer", batch_size=8, seconds=2)
    assert record.outcome == "ok", record.reason
    assert record.step_median_s == pytest.approx(STEP_S, rel=0.05)
    assert record.throughput_examples_per_s == pytest.approx(8 / STEP_S, rel=0.05)
    assert record.clock is not None
    assert record.clock.verdict == "agrees"
    assert record.checks == {"outputs depend on inputs": "passed"}
    assert record.phases.import_s is not None
    assert record.phases.measure_s is not None


def test_processes_are_interleaved_and_combined(tmp_path: Path) -> None:
    run = ab.run_suite(suite("mlp", batch_size=(2, 4), mode="infer"), out=tmp_path / "run", processes=3, seconds=0.5)
    lines = (tmp_path / "run" / RECORDS_FILE).read_text().splitlines()
    order = [(record.case.batch_size, record.repeat) for record in map(ab.Record.model_validate_json, lines)]
    assert order == [(size, repeat) for repeat in range(3) for size in (2, 4)]
    assert [len(record.process_medians_s) for record in run.records] == [3, 3]
    assert set(ab.compare(run, run)["verdict"]) == {"too close"}
    assert [look.at for look in read_looks(tmp_path / "run")] == ["start", "end"]


def test_the_largest_batch_is_found() -> None:
    found = ab.largest_batch(f"{SCRIPTED}:limited", backend="jax", mode="infer", seconds=0.5)
    assert found.largest_record is not None
    assert found.too_large is not None
    assert found.largest_record.case.batch_size <= 37 < found.too_large.case.batch_size
    assert found.too_large.case.batch_size <= 37 * 1.2


@pytest.mark.usefixtures("heeds_interrupts")
def test_ctrl_c_keeps_what_was_finished_and_resume_measures_the_rest(tmp_path: Path) -> None:
    run, models = tmp_path / "run", ["mlp", "mlp:hidden=8", f"{TROUBLED}:never_returns", "mlp:hidden=10"]
    options = ["--backend", "jax", "--mode", "infer", "--timeout", "4", "--no-history", "--out", str(run)]
    # A session of its own: the terminal sends SIGINT to the whole foreground group, fork servers and workers too.
    with subprocess.Popen([*ANATOMY, "run", *models, *options], start_new_session=True, text=True) as process:
        wait_for_lines(run / RECORDS_FILE, 2, process)
        group = os.getpgid(process.pid)
        os.killpg(group, signal.SIGINT)
        assert process.wait(timeout=30) == exit_codes.INTERRUPTED
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    # The worker has a session of its own.
    assert not [p.info for p in psutil.process_iter(["cmdline"]) if str(run) in " ".join(p.info["cmdline"] or ())]
    before = load_run(run)
    assert [record.outcome for record in before.records] == ["ok", "ok"]
    assert (run / "report.html").stat().st_size > 0

    done = subprocess.run([*ANATOMY, "run", "--resume", str(run), "--no-history"], capture_output=True, text=True)

    assert done.returncode == exit_codes.NOT_ALL_MEASURED, done.stderr
    # The answer has the records from before as well, and both parts of the run were looked at before they began.
    assert "  mlp:hidden=8" in done.stdout[done.stdout.index("Fastest, infer") :]
    assert [look.at for look in read_looks(run)] == ["start", "start", "end"]
    after = load_run(run)
    assert [record.outcome for record in after.records] == ["ok", "ok", "timeout", "ok"]
    assert [record.case for record in after.records] == after.header.planned
    assert after.records[:2] == before.records


def test_resume_takes_no_other_options(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", "mlp", "--resume", str(tmp_path)])
    assert done.exit_code == exit_codes.USAGE
    assert "leave out MODEL" in done.stderr


def wait_for_lines(path: Path, lines: int, process: subprocess.Popen[str], timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and path.read_text().count("\n") >= lines:
            return
        time.sleep(0.02)
    pytest.fail(f"{path} did not reach {lines} lines")


def test_a_shared_machine_is_said_before_a_case_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told(measure_run.SilentRun):
        def __init__(self) -> None:
            self.said: list[str] = []

        def disturbed(self, what: str) -> None:
            self.said.append(what)

    owner = measuring_lock.Owner(17, "anatomy tune vgg", "2026-01-31T12:00:00+00:00")
    monkeypatch.setattr(look_at_machine, "others_measuring", lambda: [owner])
    told = Told()
    ab.run_suite(suite("mlp", mode="infer"), out=tmp_path / "run", seconds=0.2, listener=told)
    assert "anatomy tune vgg (process 17) has measured since 2026-01-31T12:00:00+00:00, shared" in told.said[0]
    assert [look.beside for look in read_looks(tmp_path / "run")] == [[str(owner)], [str(owner)]]
    assert "anatomy tune vgg (process 17)" in (ab.load_run(tmp_path / "run").report(tmp_path / "r.md")).read_text()


def test_load_by_others_in_the_window_is_told_before_the_next_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(measure_run.SilentRun):
        said: ClassVar[list[str]] = []

        def disturbed(self, what: str) -> None:
            self.said.append(what)

    monkeypatch.setattr(measure_run, "caveats_of", lambda record: (DISTURBED,))
    monkeypatch.setattr(measure_run, "disturbances_now", lambda: "make (9) 98 % of a core")
    monkeypatch.setattr(measure_run, "busy_sentence", lambda looks: "")
    planned = suite("mlp", mode="infer", batch_size=(1, 2, 3))
    ab.run_suite(planned, out=tmp_path / "run", seconds=0.2, listener=Told())
    assert Told.said == ["busy before this case: make (9) 98 % of a core"] * 2


def test_workers_run_on_the_chosen_cpus_and_say_so(tmp_path: Path) -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    command = [*ANATOMY, "run", "mlp", "--backend", "jax", "--mode", "infer", "--seconds", "0.5", "--cpus", cpu]
    subprocess.run([*command, "--out", str(tmp_path / "run")], check=True, stdout=subprocess.DEVNULL)
    run = load_run(tmp_path / "run")
    assert run.header.settings["cpus"] == cpu
    (record,) = run.records
    assert record.settings["cpus"] == cpu
    assert record.parity is not None
    assert record.parity.cpus == cpu
    # Where the kernel's counters stand still over the window, the record says so.
    known = record.others_cores is not None and record.steal_share is not None
    assert known == ("others_cores" not in record.not_measured)
    assert record.others_cores is None or 0 <= record.others_cores < 1.5


def test_a_cpu_that_is_not_here_is_a_usage_error(tmp_path: Path) -> None:
    missing = str(max(os.sched_getaffinity(0)) + 1)
    for command in (["run", "mlp"], ["profile", "mlp"], ["tune", "mlp"], ["gate", "mlp", "--candidate", "jit=on"]):
        result = CliRunner().invoke(app, [*command, "--cpus", missing, "--out", str(tmp_path / "run")])
        assert result.exit_code == exit_codes.USAGE, result.output
        assert f"no CPU {missing} here" in result.output
    assert not (tmp_path / "run").exists()
