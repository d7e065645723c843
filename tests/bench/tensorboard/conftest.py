"""A run of three cases with a real trace each, and a real TensorBoard that shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from anatomy.bench.records.run_store import Run
from anatomy.bench.tensorboard.event_files import write_graph
from anatomy.bench.tensorboard.export import write_tensorboard
from anatomy.bench.tensorboard.log_layout import case_folder, clear_profile_folder, place_trace, trace_file
from tests.bench.tensorboard import traces
from tests.factories import make_record, make_run

BACKENDS = ("tensorflow", "jax", "torch")
START_LIMIT_S = 60
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class Board:
    """A TensorBoard that runs. `names` are the cases' by backend."""

    url: str
    names: dict[str, str]

    def get(self, path: str, **query: str) -> Any:
        """What `/data/plugin/PATH` answers."""
        return self._ask(Request(f"{self.url}/data/plugin/{path}?{urlencode(query)}"))

    def post(self, path: str, **body: Any) -> Any:
        """The same for a question with a body."""
        asked = Request(
            f"{self.url}/data/plugin/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return self._ask(asked)

    def tool(self, backend: str, tool: str) -> Any:
        """What xprof's tool has on the trace of a backend."""
        return self.get("profile/data", run=f"{self.names[backend]}/trace", tag=tool, host="vm")

    @staticmethod
    def _ask(request: Request) -> Any:
        import gzip

        try:
            answer = urlopen(request, timeout=60)
        except HTTPError as refused:
            pytest.fail(f"{request.full_url}: {refused}: {refused.read()[:500]!r}")
        with answer:
            data = answer.read()
            zipped = answer.headers.get("Content-Encoding") == "gzip"
        return json.loads(gzip.decompress(data) if zipped else data)


@pytest.fixture(scope="package")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    missing = [name for name in ("xprof", *BACKENDS) if find_spec(name) is None]
    if missing:
        pytest.skip(f"the Profile tab needs {', '.join(missing)}: pip install 'keras-anatomy[profile,jax,torch]'")
    root = tmp_path_factory.mktemp("board")
    run, names = traced_run(root)
    with (root / "tensorboard.log").open("w") as log:
        command = [sys.executable, "-m", "tensorboard.main", "--port=0", "--host=127.0.0.1", "--logdir"]
        server = subprocess.Popen([*command, str(run.path / "tensorboard")], stdout=log, stderr=log)
    try:
        yield Board(address_of(server, root / "tensorboard.log"), names)
    finally:
        server.terminate()
        server.wait(timeout=30)


def traced_run(root: Path) -> tuple[Run, dict[str, str]]:
    """A run in `root`, with what TensorBoard shows of it, and the names of its cases."""
    model = "vgg:depth=11,input_shape=32x32x3"
    records = [make_record(model, case={"backend": backend, "batch_size": 8}) for backend in BACKENDS]
    run = make_run(root / "run", records)
    logdir = write_tensorboard(run.path)
    names: dict[str, str] = {}
    for record in run.records:
        backend, folder = record.case.backend, case_folder(logdir, record.case)
        taken = root / backend
        taken.mkdir()
        subprocess.run([sys.executable, traces.__file__, backend, str(taken)], check=True, capture_output=True)
        if backend == "torch":
            clear_profile_folder(folder)
            (taken / "torch.xplane.pb").replace(trace_file(folder, "vm"))
        else:
            place_trace(folder, taken).replace(trace_file(folder, "vm"))
        if backend == "tensorflow":
            write_graph(folder, (taken / "graph.pb").read_bytes())
        names[backend] = folder.name
    return run, names


def address_of(server: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server listens, which it says once it does."""
    end_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end_s and server.poll() is None:
        if found := _ADDRESS.search(log.read_text()):
            return found.group()
        time.sleep(0.1)
    server.kill()
    server.wait()
    raise AssertionError(f"TensorBoard did not start:\n{log.read_text()}")
