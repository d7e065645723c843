"""Starts a known load in another process and tells it what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import IO, Any, Self, cast


class LoadProcess:
    """A known load; `tests.gpu.known_load` has what it does. Use as a context manager.

    Args:
        size: n of its products.
        on_gpu: whether it computes on the GPU; without CUDA it then ends.

    Attributes:
        pid: its process.
        state: what it said last: `allocated_bytes`, `reserved_bytes`, `device`.
    """

    def __init__(self, size: int, *, on_gpu: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.gpu.known_load", "cuda" if on_gpu else "cpu", str(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        self.state: dict[str, Any] = self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def tell(self, action: str, amount: float) -> None:
        """Begin to `hold` or `leave` bytes, or to `compute` for seconds."""
        pipe = cast("IO[str]", self._process.stdin)
        pipe.write(f"{action} {amount}\n")
        pipe.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for what it says when it is done.

        Raises:
            RuntimeError: it ended; its own message is in the log.
        """
        line = cast("IO[str]", self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"the known load ended with exit code {self._process.wait()}")
        self.state = json.loads(line)
        return self.state

    def do(self, action: str, amount: float) -> dict[str, Any]:
        """Tell it, and wait for its answer."""
        self.tell(action, amount)
        return self.answer()
