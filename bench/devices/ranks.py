"""Processes that share each step: forked from the worker, told what to do over pipes, all ended together.

Rank 0 is the worker itself. It measures; the others launch a step when it does. A message costs a few microseconds a
step and goes ahead of the work: a rank that is still busy finds it waiting. That all ranks have launched equally many
steps is what keeps collective operations from waiting for ever.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from anatomy.bench.devices.group import Emit

LAUNCH = b"L"
_REPLY_TIMEOUT_S = 600.0
# Given to the thread that has seen a rank end.
_MOURNING_S = 5.0


class RankLostError(RuntimeError):
    """A process of the group has ended."""


class Peers:
    """The other ranks, as rank 0 sees them."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._connections: list[Connection[Any, Any]] = []
        self._pids: list[int] = []
        self._closing = False

    def fork(self, count: int, work: Callable[[int, Connection[Any, Any]], None]) -> None:
        """Start ranks 1 … `count`; each calls `work` with its rank and its end of the pipe, and ends with it.

        To be called while this process has one thread and no device.
        """
        for rank in range(1, count + 1):
            ours, theirs = Pipe()
            pid = os.fork()
            if pid == 0:
                for connection in (*self._connections, ours):
                    connection.close()
                _live(rank, theirs, work, self._emit)
            theirs.close()
            self._connections.append(ours)
            self._pids.append(pid)
        for rank, pid in enumerate(self._pids, start=1):
            threading.Thread(target=self._mourn, args=(rank, pid), daemon=True).start()

    def launch(self) -> None:
        """Let every rank launch one step."""
        for connection in self._connections:
            connection.send_bytes(LAUNCH)

    def tell(self, order: str, *arguments: Any) -> None:
        """Give every rank an order; its answer is due."""
        self.scatter(order, [arguments] * len(self._connections))

    def scatter(self, order: str, arguments: list[tuple[Any, ...]]) -> None:
        """Give each rank an order with arguments of its own; its answer is due."""
        for connection, own in zip(self._connections, arguments, strict=True):
            connection.send_bytes(pickle.dumps((order, own)))

    def answers(self) -> list[Any]:
        """Wait for each rank's answer to the last order."""
        found = []
        for rank, connection in enumerate(self._connections, start=1):
            if not connection.poll(_REPLY_TIMEOUT_S):
                raise RankLostError(f"rank {rank} has not answered within {_REPLY_TIMEOUT_S:.0f} s")
            try:
                found.append(connection.recv())
            except (EOFError, ConnectionError) as error:
                raise RankLostError(f"rank {rank} has ended") from error
        return found

    def close(self) -> None:
        """End the ranks."""
        if any(_has_ended(pid) for pid in self._pids):
            # What brought us here is that loss: let it be reported as what it is, which ends this process.
            time.sleep(_MOURNING_S)
        self._closing = True
        for connection in self._connections:
            connection.close()
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _mourn(self, rank: int, pid: int) -> None:
        """A rank that ends unasked ends the case: the others would wait for it in the next collective operation."""
        _, status = os.waitpid(pid, 0)
        if self._closing:
            return
        code = os.waitstatus_to_exitcode(status)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        # Where the rank has reported a reason itself, that one stands.
        self._emit("result", {"outcome": "crashed", "reason": f"rank {rank} was ended {how}"})
        sys.stderr.flush()
        os._exit(1)


def _has_ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def obey(connection: Connection[Any, Any], launch: Callable[[], None], orders: dict[str, Callable[..., Any]]) -> None:
    """Follow rank 0 until it closes the pipe: `launch` at each of its steps, answer each of its orders."""
    while True:
        try:
            message = connection.recv_bytes()
        except EOFError:
            return
        if message == LAUNCH:
            launch()
            continue
        order, arguments = pickle.loads(message)
        connection.send(orders[order](*arguments))


def _live(
    rank: int, connection: Connection[Any, Any], work: Callable[[int, Connection[Any, Any]], None], emit: Emit
) -> None:
    """The whole life of a rank: never returns, and reports what it dies of."""
    code = 1
    try:
        work(rank, connection)
        code = 0
    except Exception as error:  # noqa: BLE001  # the boundary: what a rank raises becomes the case's record
        traceback.print_exc()
        outcome = "unsupported" if isinstance(error, NotImplementedError) else "crashed"
        lines = " ".join(str(error).split())[:250]
        emit("result", {"outcome": outcome, "reason": f"rank {rank}: {type(error).__name__}: {lines}"})
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
