"""A sweep over a real Ray cluster of two nodes on the loopback interface.

Both nodes are this machine, and take its cores from each other: the figures of these sweeps mean nothing, and none is
looked at. What is tested is that nothing is lost.
"""

from __future__ import annotations

import importlib.util
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

import psutil
import pytest

from anatomy.bench.errors import exit_codes
from anatomy.bench.parallel.rendezvous import free_port
from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.run_store import load_run
from tests.command import anatomy

if importlib.util.find_spec("ray") is None:
    pytest.skip("needs Ray: pip install 'keras-anatomy[cluster]'", allow_module_level=True)

HOST = "127.0.0.1"
MODEL = """
import keras


def net():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
"""


class Cluster:
    """Two nodes, each `ray start --block` with everything that it starts."""

    def __init__(self, folder: str) -> None:
        self.port, self.client_port = free_port(HOST), free_port(HOST)
        self._folder = folder
        self._environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
        common = ["--num-cpus=2", f"--node-ip-address={HOST}", "--block", "--disable-usage-stats"]
        client = f"--ray-client-server-port={self.client_port}"
        head = [f"--port={self.port}", client, "--head", "--include-dashboard=false", f"--temp-dir={folder}"]
        self.head = self._start(*head, "--labels=machine-type=first", *common)
        self._until_alive(1)
        self.second = self._start(f"--address={HOST}:{self.port}", "--labels=machine-type=second", *common)
        self._until_alive(2)

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """At once and with everything on it, as a machine that loses its power."""
        if node.poll() is None:
            family = psutil.Process(node.pid).children(recursive=True)
            node.kill()
            for process in family:
                if process.is_running():
                    process.kill()
        node.wait()

    def workers(self, node: subprocess.Popen[bytes]) -> list[int]:
        """Anatomy's measuring processes on a node: children of its hosts."""
        try:
            family = psutil.Process(node.pid).children(recursive=True)
            hosts = [p for p in family if "anatomy.bench.runner.fork_server" in p.cmdline()]
            return [child.pid for host in hosts for child in host.children()]
        except psutil.NoSuchProcess:
            return []

    def close(self) -> None:
        self.kill(self.second)
        self.kill(self.head)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        ray = [sys.executable, "-m", "ray.scripts.scripts"]
        with Path(self._folder, "start.log").open("ab") as log:
            return subprocess.Popen([*ray, "start", *arguments], env=self._environment, stdout=log, stderr=log)

    def _until_alive(self, count: int) -> None:
        def alive() -> bool:
            done = subprocess.run(
                [
                    sys.executable,
                    "-c",
                    f"import ray; ray.init('{HOST}:{self.port}', log_to_driver=False, logging_level='ERROR');"
                    "print(sum(node['Alive'] for node in ray.nodes()))",
                ],
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            return done.stdout.strip().endswith(str(count))

        _until(alive, 120)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # Ray's sockets need a short path.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    found = Cluster(folder)
    yield found
    found.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.timeout(900)
def test_a_run_of_each_type_of_machine_with_the_users_own_model(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(MODEL)
    done = _run(
        cluster, tmp_path, "nets:net", "--backend", "tensorflow", "--machine-type", "first,second", "--out", "both"
    )
    assert done.returncode == exit_codes.OK, done.stdout + done.stderr
    assert (tmp_path / "both" / "report.html").exists()
    for name in ("first", "second"):
        run = load_run(tmp_path / "both" / name)
        assert [(r.outcome, r.reason) for r in run.records] == [("ok", "")] * 2
        for record in run.records:
            assert record.environment == run.header.environment.fingerprint
            assert record.host
            assert record.log is not None
            assert (run.path / record.log).exists()
            assert (run.path / "logs" / f"host-{record.case.backend}.{record.host}.log").exists()
            assert (run.path / "scripts" / f"{record.key}.py").exists()
    refused = _run(cluster, tmp_path, "nets:net", "--machine-type", "third")
    assert refused.returncode == exit_codes.NOTHING_MEASURED
    assert "there is: first, second" in refused.stderr


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.timeout(900)
def test_a_node_killed_in_the_middle_of_a_case_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    command = _command(
        cluster, "mlp", "--backend", "tensorflow", "--batch-size", "1,2,4", "--seconds", "3", "--target", "0.000001"
    )
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sweep:
        _until(lambda: bool(cluster.workers(cluster.second)), 180)
        time.sleep(1)
        workers = cluster.workers(cluster.second)
        assert workers, "the case must still be running when its node is killed"
        assert psutil.Process(workers[0]).nice() == psutil.Process(cluster.second.pid).nice()
        cluster.kill(cluster.second)
        out, err = sweep.communicate(timeout=300)
    assert sweep.returncode == exit_codes.OK, out + err
    assert "lost while it measured mlp" in err
    written = read_records(tmp_path / "run" / "records.jsonl")
    run = load_run(tmp_path / "run")
    assert Counter(record.key for record in written) == Counter(case.key for case in run.header.planned)
    assert len(written) == 6
    assert {record.outcome for record in written} == {"ok"}
    assert [len(record.lost_nodes) for record in written if record.lost_nodes] == [1]
    assert not run.remaining


@pytest.mark.backends
@pytest.mark.extended
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("heeds_interrupts")
def test_ctrl_c_ends_a_sweep_which_can_be_gone_on_with(cluster: Cluster, tmp_path: Path) -> None:
    command = _command(
        cluster, "mlp", "--backend", "tensorflow", "--batch-size", "1,2", "--seconds", "2", "--target", "0.000001"
    )
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sweep:
        records = tmp_path / "run" / "records.jsonl"
        _until(lambda: records.exists() and len(records.read_text().splitlines()) == 1, 180)
        sweep.send_signal(signal.SIGINT)
        _, err = sweep.communicate(timeout=60)
    assert sweep.returncode == exit_codes.INTERRUPTED, err
    assert "--resume" in err
    _until(lambda: not cluster.workers(cluster.head), 60)
    # And from a machine that is no node of the cluster, through Ray's client.
    rest = _run(cluster, tmp_path, "--resume", "run", "--cluster", f"ray://{HOST}:{cluster.client_port}", out=None)
    assert rest.returncode == exit_codes.OK, rest.stdout + rest.stderr
    run = load_run(tmp_path / "run")
    assert [record.outcome for record in run.records] == ["ok"] * 4
    assert not run.remaining


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--machine-type", "h100"], exit_codes.USAGE, "give --cluster"),
        (["--cluster", "auto", "--nodes"], exit_codes.USAGE, "choose one"),
        (["--cluster", "127.0.0.1:{port}"], exit_codes.NOTHING_MEASURED, "nobody listens there"),
        (["--cluster", "ray://127.0.0.1:{port}"], exit_codes.NOTHING_MEASURED, "nobody listens there"),
        (["--cluster", "here"], exit_codes.NOTHING_MEASURED, "expected ray://HOST:10001"),
    ],
)
def test_what_cannot_be_is_said_at_once(arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    given = [text.format(port=free_port(HOST)) for text in arguments]
    done = anatomy("run", "mlp", *given, folder=tmp_path)
    assert done.code == code
    assert said in done.err


def _command(cluster: Cluster, *arguments: str) -> list[str]:
    common = ["--cluster", f"{HOST}:{cluster.port}", "--no-history"]
    return [
        sys.executable,
        "-m",
        "anatomy.bench.cli",
        "run",
        *common,
        *arguments,
        *(() if "--out" in arguments or "--resume" in arguments else ("--out", "run")),
    ]


def _run(cluster: Cluster, folder: Path, *arguments: str, out: str | None = "run") -> subprocess.CompletedProcess[str]:
    quick = [] if "--resume" in arguments else ["--seconds", "0.2"]
    return subprocess.run(
        _command(cluster, *arguments, *quick), cwd=folder, capture_output=True, text=True, check=False, timeout=400
    )


def _until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.2)
