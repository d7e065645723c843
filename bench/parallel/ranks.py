"""The processes that share each step. Rank 0 sends the others orders over connections; they all end together.

Rank 0 is the worker itself and the only one that measures. The others launch a step whenever it does: all ranks must
launch equally many steps, or collective operations wait for ever. An order costs a few microseconds per step on one
machine and arrives ahead of the work, so a busy rank finds it waiting.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from anatomy.bench.errors.printable import one_line
from anatomy.bench.errors.unsupported import is_unsupported
from anatomy.bench.parallel.codec import decode, encode
from anatomy.bench.parallel.transport import Server, has_message
from anatomy.bench.protocol.events import Emit, Ended
from anatomy.bench.records.record import Outcome

LAUNCH = b"L"
END = b"E"
FAILED = "failed"
# Reason of a rank that ends because rank 0 has ended.
RANK_0_ENDED = "rank 0 has ended"
_REPLY_TIMEOUT_S = 600.0
# Time for a rank's end to be reported by the thread that notices it, before this process ends for another reason.
_EXIT_REPORT_GRACE_S = 5.0
# Time for our connection to a rank to close after the framework has reported that rank as lost.
_HANGUP_GRACE_S = 1.0
# Time for a rank to end before it is killed; one that waits in a collective operation never ends.
_SHUTDOWN_GRACE_S = 2.0
_POLL_MS = 200

T = TypeVar("T")


class RankLostError(RuntimeError):
    """A process of the group has failed, ended or stopped answering."""


class Peers:
    """The other ranks, as rank 0 sees them. When one of them ends, this process emits the reason and ends as well."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._connections: list[Connection] = []
        self._names: list[str] = []
        self._pids: dict[int, int] = {}
        # The ranks have an order that they have not answered yet.
        self._at_work = False
        self._closing = False

    def fork(self, count: int, work: Callable[[int, Connection], None]) -> None:
        """Start ranks 1 … `count` on this machine; each calls `work` with its rank and connection, and then ends.

        Call it while this process has a single thread and no device.
        """
        for rank in range(1, count + 1):
            ours, theirs = Pipe()
            pid = os.fork()
            if pid == 0:
                for connection in (*self._connections, ours):
                    connection.close()
                run_rank_process(rank, theirs, work, self._emit)
            theirs.close()
            self._pids[len(self._connections)] = pid
            self._connections.append(ours)
            self._names.append(f"rank {rank}")

    def accept(self, server: Server, ranks: range, timeout_s: float) -> None:
        """Wait until these ranks of other nodes have connected, in any order.

        Raises:
            NoConnectionError: one of them did not connect.
        """
        found: dict[int, tuple[Connection, str]] = {}
        while len(found) < len(ranks):
            connection, greeting = server.accept(timeout_s)
            found[int(greeting["rank"])] = (connection, str(greeting["host"]))
        for rank in ranks:
            connection, host = found[rank]
            self._connections.append(connection)
            self._names.append(f"rank {rank} on {host}")

    def watch(self) -> None:
        """From here on, end this process when a rank ends."""
        threading.Thread(target=self._watch, name="anatomy-ranks", daemon=True).start()

    def launch(self) -> None:
        """Tell every rank to launch one step; they do not answer.

        Raises:
            RankLostError: a rank has ended.
        """
        self._send(LAUNCH)

    def tell(self, order: str, *arguments: Any) -> None:
        """Give every rank an order, which it answers; see `answers`.

        Raises:
            RankLostError: a rank has ended.
        """
        self._send(encode([order, arguments]))

    def answers(self) -> list[Any]:
        """Each rank's answer to the last order, by rank.

        Raises:
            NotImplementedError: a rank cannot do what it was told.
            RankLostError: a rank has failed, ended or does not answer.
        """
        answers = [
            self._answer(name, connection) for name, connection in zip(self._names, self._connections, strict=True)
        ]
        self._at_work = False
        return answers

    def together(self, order: str, own: Callable[[], T], *arguments: Any) -> tuple[T, list[Any]]:
        """Give every rank an order, do rank 0's own part meanwhile, and return its result and the ranks' answers."""
        self.tell(order, *arguments)
        return own(), self.answers()

    def close(self) -> None:
        """End the ranks."""
        if self._lost_one():
            # That loss is why we got here: let the watching thread report it, which ends this process.
            time.sleep(_EXIT_REPORT_GRACE_S)
        self._closing = True
        for connection in self._connections:
            with suppress(OSError):
                connection.send_bytes(END)
        deadline = time.monotonic() + _SHUTDOWN_GRACE_S
        for connection in self._connections:
            wait_for_hangup([connection], lambda: time.monotonic() > deadline)
            connection.close()
        for pid in self._pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _lost_one(self) -> bool:
        if any(_has_ended(pid) for pid in self._pids.values()):
            return True
        if not self._at_work:
            return False
        # The framework's connection to that rank may have closed, and raised an error here, before ours closes.
        deadline = time.monotonic() + _HANGUP_GRACE_S
        return wait_for_hangup(self._connections, lambda: time.monotonic() > deadline) is not None

    def _send(self, message: bytes) -> None:
        self._at_work = True
        for name, connection in zip(self._names, self._connections, strict=True):
            try:
                connection.send_bytes(message)
            except OSError as error:
                raise RankLostError(f"{name} has ended") from error

    def _answer(self, name: str, connection: Connection) -> Any:
        try:
            if not connection.poll(_REPLY_TIMEOUT_S):
                raise RankLostError(f"{name} has not answered within {_REPLY_TIMEOUT_S:.0f} s")
            answer = decode(connection.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise RankLostError(f"{name} has ended") from error
        if isinstance(answer, dict) and FAILED in answer:
            kind = NotImplementedError if answer["unsupported"] else RankLostError
            raise kind(f"{name}: {answer[FAILED]}")
        return answer

    def _watch(self) -> None:
        ended = wait_for_hangup(self._connections, lambda: self._closing)
        if ended is None or self._closing:
            return
        how = "has ended"
        if ended in self._pids:
            _, status = os.waitpid(self._pids[ended], 0)
            code = os.waitstatus_to_exitcode(status)
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"was ended with status {code}"
        elif has_message(self._connections[ended]):
            # The rank has sent the reason of its end: the thread that waits for its answer reports it.
            time.sleep(_EXIT_REPORT_GRACE_S)
        # If the rank has emitted a reason itself, the supervisor keeps that one, as the first.
        self._emit(Ended(outcome="crashed", reason=f"{self._names[ended]} {how}"))
        sys.stderr.flush()
        os._exit(1)


def wait_for_hangup(connections: list[Connection], stopped: Callable[[], bool]) -> int | None:
    """Index of the first connection whose other side hangs up, without reading from it; `None` once `stopped`."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection.fileno(), select.POLLRDHUP)
    places = {connection.fileno(): place for place, connection in enumerate(connections)}
    while not stopped():
        for descriptor, _ in poll.poll(_POLL_MS):
            return places[descriptor]
    return None


def carry_out_orders(connection: Connection, launch: Callable[[], None], orders: dict[str, Callable[..., Any]]) -> None:
    """Launch a step whenever rank 0 does, and carry out and answer its orders, until it tells this rank to end."""
    while (message := connection.recv_bytes()) != END:
        if message == LAUNCH:
            launch()
            continue
        order, arguments = decode(message)
        connection.send_bytes(encode(orders[order](*arguments)))


def run_beside_rank_0(connection: Connection, work: Callable[[], None], emit: Emit) -> None:
    """Do the work of a rank: report its exceptions to rank 0 as well, and end this process when rank 0 ends."""

    def end_with_rank_0() -> None:
        wait_for_hangup([connection], lambda: False)
        # The main thread may wait in a collective operation that never ends.
        emit(Ended(outcome="crashed", reason=RANK_0_ENDED))
        sys.stderr.flush()
        os._exit(1)

    threading.Thread(target=end_with_rank_0, name="anatomy-rank-0", daemon=True).start()
    try:
        work()
    except Exception as error:
        with suppress(OSError):
            connection.send_bytes(encode({FAILED: one_line(error), "unsupported": is_unsupported(error)}))
        raise


def run_rank_process(rank: int, connection: Connection, work: Callable[[int, Connection], None], emit: Emit) -> None:
    """Do the work of a rank as the whole life of this process: emit the reason if it fails, and never return."""
    code = 1
    try:
        run_beside_rank_0(connection, lambda: work(rank, connection), emit)
        code = 0
    except Exception as error:  # noqa: BLE001  # the boundary: what a rank raises becomes the case's record
        traceback.print_exc()
        outcome: Outcome = "unsupported" if is_unsupported(error) else "crashed"
        emit(Ended(outcome=outcome, reason=f"rank {rank}: {one_line(error)}"))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _has_ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True
