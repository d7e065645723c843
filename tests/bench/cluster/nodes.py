"""Ray nodes on this machine, each with its own loopback address, ports and temporary folder.

They share the machine's cores, which neither can see: what is measured on them says nothing of speed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from anatomy.bench.devices.span import free_port

HEAD, OTHER = "127.0.0.2", "127.0.0.3"
_STARTED_S = 120.0


@dataclass
class Node:
    """One `ray start --block` and everything below it."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """Kill all its processes at once, as when the power fails."""
        with suppress(psutil.NoSuchProcess):
            family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(family, timeout=10)
        self.process.wait(timeout=10)

    def measures(self) -> bool:
        """Whether a worker of a case runs: a child of Anatomy's own host."""
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(self.process.pid).children(recursive=True)
            hosts = [one for one in below if "anatomy.bench.host" in one.cmdline()]
            return any(host.ppid() not in {one.pid for one in hosts} and host.children() for host in hosts)
        return False


class RayNodes:
    """A head that listens for Ray's client, and a second node beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._client_port = free_port(HEAD), free_port(HEAD)
        self.nodes: list[Node] = []

    @property
    def address(self) -> str:
        return f"ray://{HEAD}:{self._client_port}"

    @property
    def direct_address(self) -> str:
        return f"{HEAD}:{self._port}"

    def start(self, second: bool = True, **variables: str) -> None:
        """Start the head and, if wanted, the second node, with environment variables of its own."""
        client = f"--ray-client-server-port={self._client_port}"
        self._start(HEAD, ["--head", f"--port={self._port}", client, "--include-dashboard=false"])
        if second:
            self._start(OTHER, [f"--address={self.direct_address}"], **variables)

    def stop(self) -> None:
        for node in reversed(self.nodes):
            node.kill()

    def _start(self, address: str, options: list[str], **more: str) -> None:
        # Sockets lie below the temporary folder, and their paths may have 107 bytes.
        temporary = self._folder / address.rpartition(".")[2]
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options),
            *(f"--node-ip-address={address}", "--num-cpus=2", "--object-store-memory=80000000"),
            f"--runtime-env-agent-port={free_port(address)}",
            *(f"--temp-dir={temporary}", "--disable-usage-stats", '--resources={"anatomy-type-test": 1}'),
        ]
        log = self._folder / f"{temporary.name}.log"
        variables = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"} | more
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=variables, start_new_session=True
            )
        self.nodes.append(Node(process, log))
        end = time.monotonic() + _STARTED_S
        while "Ray runtime started" not in log.read_text():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Ray did not start: {log.read_text()[-2000:]}")
            time.sleep(0.2)
