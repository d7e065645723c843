"""`anatomy run --cluster` on real Ray nodes, one of which is killed in the middle of a case.

All nodes are this one machine: the figures mean nothing, and none is looked at.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anatomy.bench.cli import exit_codes
from anatomy.bench.store import RECORDS_FILE, load_run, read_records
from tests.bench.cluster.nodes import RayNodes

pytest.importorskip("ray", reason="needs the extra `cluster`")

pytestmark = [pytest.mark.extended, pytest.mark.backends, pytest.mark.timeout(590)]

MODELS = [f"mlp:hidden={size}" for size in (8, 9, 10, 11)]
DONE_S = 400.0
OWN_MODEL = """
import keras

def build(units: int = 4):
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(units, activation="softmax")])
"""


@pytest.fixture
def cluster() -> Iterator[RayNodes]:
    # pytest's own folders are too deep for Ray's sockets.
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    nodes = RayNodes(folder)
    try:
        yield nodes
    finally:
        nodes.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_sweep_loses_nothing_when_a_node_is_killed(cluster: RayNodes, tmp_path: Path) -> None:
    run = tmp_path / "run"
    cluster.start()
    options = ["--backend", "jax,torch", "--mode", "infer", "--seconds", "1.5", "--machine-type", "test"]
    sweep = _anatomy_run(tmp_path, *MODELS, *options, "--cluster", cluster.address, "--out", str(run))
    try:
        _wait_until(lambda: _both_measure(cluster, run / RECORDS_FILE), sweep)
        cluster.nodes[1].kill()
        said, _ = sweep.communicate(timeout=DONE_S)
    finally:
        sweep.kill()

    print(said)
    assert sweep.returncode == exit_codes.OK, said
    lines = read_records(run / RECORDS_FILE)
    header = load_run(run).header
    assert len(header.planned) == 2 * len(MODELS)
    assert Counter(record.key for record in lines) == Counter(case.key for case in header.planned)
    assert [record.reason for record in lines if record.outcome != "ok"] == []
    placements = [record.placement for record in lines if record.placement is not None]
    assert len(placements) == len(lines)
    assert len({one.node for one in placements}) == 2, "both nodes have measured"
    assert [len(one.lost) for one in placements if one.lost] == [1], "one case was lost, once"
    assert "waits for another try" in said
    for record in lines:
        assert record.log is not None
        assert (run / record.log).is_file()
        assert (run / "scripts" / f"{record.key}.py").is_file()
        assert record.environment == header.environment.fingerprint
    assert "lost tries" in (run / "report.html").read_text()


def test_own_models_ctrl_c_resume_and_nothing_that_will_do(cluster: RayNodes, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (tmp_path / "own_model.py").write_text(OWN_MODEL)
    cluster.start(second=False)
    where = ["--cluster", cluster.address]

    none = _anatomy_run(tmp_path, "mlp", *where, "--machine-type", "a100")
    said, _ = none.communicate(timeout=DONE_S)
    assert none.returncode == exit_codes.NOTHING_MEASURED, said
    assert "the machine type a100; it has" in said
    assert "type test" in said

    options = ["--backend", "jax", "--mode", "train,infer", "--seconds", "1.5", "--out", str(run)]
    sweep = _anatomy_run(tmp_path, "own_model:build", "own_model:build:units=5", *options, *where)
    try:
        _wait_until(lambda: _lines(run / RECORDS_FILE) >= 1 and cluster.nodes[0].measures(), sweep)
        sweep.send_signal(signal.SIGINT)
        said, _ = sweep.communicate(timeout=60)
    finally:
        sweep.kill()
    assert sweep.returncode == exit_codes.INTERRUPTED, said
    before = read_records(run / RECORDS_FILE)
    assert 1 <= len(before) < 4
    end = time.monotonic() + 30
    while cluster.nodes[0].measures():
        assert time.monotonic() < end, "a worker has outlived its sweep"
        time.sleep(0.1)

    # From a node of the cluster, without Ray's client.
    rest = _anatomy_run(tmp_path, "--resume", str(run), "--cluster", cluster.direct_address)
    said, _ = rest.communicate(timeout=DONE_S)
    assert rest.returncode == exit_codes.OK, said
    after = read_records(run / RECORDS_FILE)
    assert after[: len(before)] == before
    assert Counter(record.key for record in after) == Counter(case.key for case in load_run(run).header.planned)
    assert {record.outcome for record in after} == {"ok"}


def test_nodes_of_two_kinds_are_no_sweep(cluster: RayNodes, tmp_path: Path) -> None:
    cluster.start(OMP_NUM_THREADS="1")
    sweep = _anatomy_run(tmp_path, "mlp", "--cluster", cluster.address)
    said, _ = sweep.communicate(timeout=DONE_S)
    assert sweep.returncode == exit_codes.NOTHING_MEASURED, said
    assert "the nodes are of 2 kinds" in said
    assert "{'OMP_NUM_THREADS': '1'}" in said
    assert not (tmp_path / "anatomy-runs").exists()


def _anatomy_run(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "anatomy.bench.cli", "run", "--no-history", *arguments],
        cwd=directory,
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Background jobs of a shell inherit SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )


def _lines(records: Path) -> int:
    return records.read_text().count("\n") if records.exists() else 0


def _both_measure(cluster: RayNodes, records: Path) -> bool:
    """Each node has a record, and the second one is in the middle of a case."""
    if _lines(records) < 2:
        return False
    nodes = {record.placement.node for record in read_records(records) if record.placement}
    return len(nodes) == 2 and cluster.nodes[1].measures()


def _wait_until(happened: Callable[[], bool], sweep: subprocess.Popen[str]) -> None:
    end = time.monotonic() + DONE_S
    while time.monotonic() < end and sweep.poll() is None:
        if happened():
            return
        time.sleep(0.05)
    sweep.kill()
    pytest.fail(f"did not happen: {sweep.communicate()[0]}")
