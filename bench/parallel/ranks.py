"""The processes that share each step, as rank 0 sees them: told what to do over connections, all ended together.

Rank 0 is the worker itself. It measures; the others launch a step when it does. A message costs a few microseconds a
step on one machine and goes ahead of the work: a rank that is still busy finds it waiting. That all ranks have launched
equally many steps is what keeps collective operations from waiting for ever.
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
from typing import Any

from anatomy.bench.errors.printable import one_line
from anatomy.bench.parallel.codec import decode, encode
from anatomy.bench.parallel.transport import Server, Wire, has_message
from anatomy.bench.protocol.events import Emit, Ended
from anatomy.bench.records.record import Outcome

LAUNCH = b"L"
END = b"E"
FAILED = "failed"
# What a rank says when it ends since rank 0 has.
ORPHANED = "rank 0 has ended"
_REPLY_TIMEOUT_S = 600.0
# Given to the thread that has seen a rank end.
_MOURNING_S = 5.0
# Given to the connection of a rank whose end was first seen by the framework to close as well.
_HANGUP_S = 1.0
# Given to a rank to end by itself, unless it is held up by an operation that will never end.
_FAREWELL_S = 2.0
_POLL_MS = 200


class RankLostError(RuntimeError):
    """A process of the group has ended."""


class Peers:
    """The other ranks. What ends one of them ends this process, after it has emitted why."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._wires: list[Wire] = []
        self._names: list[str] = []
        self._pids: dict[int, int] = {}
        # Ranks are at work on what they were told last.
        self._at_work = False
        self._closing = False

    def fork(self, count: int, work: Callable[[int, Wire], None]) -> None:
        """Start ranks 1 … `count` on this machine; each calls `work` with its rank and connection, and ends with it.

        To be called while this process has one thread and no device.
        """
        for rank in range(1, count + 1):
            ours, theirs = Pipe()
            pid = os.fork()
            if pid == 0:
                for wire in (*self._wires, ours):
                    wire.close()
                live(rank, theirs, work, self._emit)
            theirs.close()
            self._pids[len(self._wires)] = pid
            self._wires.append(ours)
            self._names.append(f"rank {rank}")

    def accept(self, server: Server, ranks: range, timeout_s: float) -> None:
        """Wait for the ranks of other nodes, which connect in any order and say which they are.

        Raises:
            NoConnectionError: one did not come.
        """
        found: dict[int, tuple[Wire, str]] = {}
        while len(found) < len(ranks):
            wire, greeting = server.accept(timeout_s)
            found[int(greeting["rank"])] = (wire, str(greeting["host"]))
        for rank in ranks:
            wire, host = found[rank]
            self._wires.append(wire)
            self._names.append(f"rank {rank} on {host}")

    def watch(self) -> None:
        """From here on the end of a rank ends this process."""
        threading.Thread(target=self._watch, name="anatomy-ranks", daemon=True).start()

    def launch(self) -> None:
        """Let every rank launch one step.

        Raises:
            RankLostError: a rank has ended.
        """
        self._send(LAUNCH)

    def tell(self, order: str, *arguments: Any) -> None:
        """Give every rank an order; its answer is due.

        Raises:
            RankLostError: a rank has ended.
        """
        self._send(encode([order, arguments]))

    def answers(self) -> list[Any]:
        """Each rank's answer to the last order, in the order of the ranks.

        Raises:
            RankLostError: a rank has failed, ended or does not answer.
        """
        answers = [self._answer(name, wire) for name, wire in zip(self._names, self._wires, strict=True)]
        self._at_work = False
        return answers

    def close(self) -> None:
        """End the ranks."""
        if self._lost_one():
            # What brought us here is that loss: let it be reported as what it is, which ends this process.
            time.sleep(_MOURNING_S)
        self._closing = True
        for wire in self._wires:
            with suppress(OSError):
                wire.send_bytes(END)
        deadline = time.monotonic() + _FAREWELL_S
        for wire in self._wires:
            wait_for_hangup([wire], lambda: time.monotonic() > deadline)
            wire.close()
        for pid in self._pids.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _lost_one(self) -> bool:
        if any(_has_ended(pid) for pid in self._pids.values()):
            return True
        if not self._at_work:
            return False
        # A framework's own connection to that rank may have closed, and raised an error here, before ours.
        deadline = time.monotonic() + _HANGUP_S
        return wait_for_hangup(self._wires, lambda: time.monotonic() > deadline) is not None

    def _send(self, message: bytes) -> None:
        self._at_work = True
        for name, wire in zip(self._names, self._wires, strict=True):
            try:
                wire.send_bytes(message)
            except OSError as error:
                raise RankLostError(f"{name} has ended") from error

    def _answer(self, name: str, wire: Wire) -> Any:
        try:
            if not wire.poll(_REPLY_TIMEOUT_S):
                raise RankLostError(f"{name} has not answered within {_REPLY_TIMEOUT_S:.0f} s")
            answer = decode(wire.recv_bytes())
        except (EOFError, ConnectionError) as error:
            raise RankLostError(f"{name} has ended") from error
        if isinstance(answer, dict) and FAILED in answer:
            kind = NotImplementedError if answer["unsupported"] else RankLostError
            raise kind(f"{name}: {answer[FAILED]}")
        return answer

    def _watch(self) -> None:
        ended = wait_for_hangup(self._wires, lambda: self._closing)
        if ended is None or self._closing:
            return
        how = "has ended"
        if ended in self._pids:
            _, status = os.waitpid(self._pids[ended], 0)
            code = os.waitstatus_to_exitcode(status)
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"was ended with status {code}"
        elif has_message(self._wires[ended]):
            # It has said what it died of: the thread that waits for its answer has that.
            time.sleep(_MOURNING_S)
        # Where a rank has reported a reason itself, that one stands.
        self._emit(Ended(outcome="crashed", reason=f"{self._names[ended]} {how}"))
        sys.stderr.flush()
        os._exit(1)


def wait_for_hangup(wires: list[Wire], stopped: Callable[[], bool]) -> int | None:
    """Place of the first connection whose other side is gone; null once `stopped`. Reads nothing from them."""
    poll = select.poll()
    for wire in wires:
        poll.register(wire.fileno(), select.POLLRDHUP)
    places = {wire.fileno(): place for place, wire in enumerate(wires)}
    while not stopped():
        for descriptor, _ in poll.poll(_POLL_MS):
            return places[descriptor]
    return None


def obey(wire: Wire, launch: Callable[[], None], orders: dict[str, Callable[..., Any]]) -> None:
    """Follow rank 0 until it says that it ends: `launch` at each of its steps, answer each of its orders."""
    while (message := wire.recv_bytes()) != END:
        if message == LAUNCH:
            launch()
            continue
        order, arguments = decode(message)
        wire.send_bytes(encode(orders[order](*arguments)))


def follow_rank_0(wire: Wire, work: Callable[[], None], emit: Emit) -> None:
    """Do `work`, the life of a rank. What it raises is said to rank 0 too; where rank 0 dies, this process does."""

    def die_with_rank_0() -> None:
        wait_for_hangup([wire], lambda: False)
        # It may be within a collective operation that will never end.
        emit(Ended(outcome="crashed", reason=ORPHANED))
        sys.stderr.flush()
        os._exit(1)

    threading.Thread(target=die_with_rank_0, name="anatomy-rank-0", daemon=True).start()
    try:
        work()
    except Exception as error:
        unsupported = isinstance(error, NotImplementedError)
        with suppress(OSError):
            wire.send_bytes(encode({FAILED: one_line(error), "unsupported": unsupported}))
        raise


def live(rank: int, wire: Wire, work: Callable[[int, Wire], None], emit: Emit) -> None:
    """The whole life of a rank in a process of its own: never returns, and reports what it dies of."""
    code = 1
    try:
        follow_rank_0(wire, lambda: work(rank, wire), emit)
        code = 0
    except Exception as error:  # noqa: BLE001  # the boundary: what a rank raises becomes the case's record
        traceback.print_exc()
        outcome: Outcome = "unsupported" if isinstance(error, NotImplementedError) else "crashed"
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
