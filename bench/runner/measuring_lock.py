"""Measuring commands of one user on one machine take turns: each holds a file, locked for as long as it lives.

A file holds who measures. Its lock goes with the process, however that ends, and the next command removes the file.
Processes that a measuring command starts find its token in their environment, and measure as a part of it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import printable, shortened
from anatomy.bench.suites.units import parse_seconds

TOKEN = "ANATOMY_MEASURING"
WHEN_BUSY = "ANATOMY_WHEN_BUSY"
SHARE, REFUSE = "share", "refuse"
LONGEST_WAIT_S = 30 * 60.0
POLL_S = 0.5
_LONGEST_COMMAND = 120
_TOKEN_FORM = re.compile(r"[0-9]+-[0-9a-f]{16}")
_SUFFIX, _DOOR = ".measuring", "door"

# Locked files of this process: a fork of it, which may outlive it, must not hold them.
_held: set[int] = set()


def _let_go() -> None:
    for descriptor in _held:
        with suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


class Owner(NamedTuple):
    """A process that measures.

    Attributes:
        command: its command line, shortened.
        since: local time at which it began, ISO 8601.
    """

    pid: int
    command: str
    since: str

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid}) has measured since {self.since}"


class WhenBusy(NamedTuple):
    """What a command does while another one measures.

    Attributes:
        share: measure beside it.
        wait_s: for how long to wait for it, before it is refused; 0: refuse at once.
    """

    share: bool = False
    wait_s: float = LONGEST_WAIT_S


def when_busy(*, share: bool = False, wait: bool = True, longest: str | None = None) -> WhenBusy:
    """What the options say; without any, what the variable `ANATOMY_WHEN_BUSY` does; else to wait for 30 minutes.

    Args:
        share: `--share`.
        wait: not `--no-wait`.
        longest: `--wait`, e.g. `30min`.

    Raises:
        UsageError: options that contradict each other, or no time.
    """
    if share + (not wait) + (longest is not None) > 1:
        raise UsageError("--share, --no-wait and --wait exclude one another; give one of them")
    if share or not wait or longest is not None:
        return WhenBusy(share, parse_seconds(longest) if longest is not None else LONGEST_WAIT_S if wait else 0.0)
    said = os.environ.get(WHEN_BUSY, "")
    if said in (SHARE, REFUSE):
        return WhenBusy(said == SHARE, 0.0)
    try:
        return WhenBusy(wait_s=parse_seconds(said)) if said else WhenBusy()
    except UsageError as error:
        raise UsageError(f"{WHEN_BUSY}: {error}; or {SHARE}, or {REFUSE}") from error


@contextmanager
def measuring(
    command: str,
    policy: WhenBusy | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> Iterator[None]:
    """Measure inside: alone among the user's commands of this machine, or beside them where that is shared.

    Inside another `measuring`, of this process or of one that started it, nothing is taken.

    Args:
        command: what others are told of this process.
        policy: what to do while another one measures; by default as `when_busy` has it.
        say: told in one line for whom it waits, or beside whom it measures.

    Raises:
        UsageError: another one measures, and waiting is not wanted or has lasted too long.
    """
    chosen = when_busy() if policy is None else policy
    try:
        folder = _folder()
        inside = _is_inside(folder)
        descriptor, path = (None, None) if inside else _enter(folder, command, chosen, say)
    except OSError as error:
        say(f"whether other commands measure is not known: {error.filename}: {error.strerror}")
        descriptor, path = None, None
    if descriptor is None or path is None:
        yield
        return
    before = os.environ.get(TOKEN)
    os.environ[TOKEN] = path.stem
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(TOKEN, None)
        else:
            os.environ[TOKEN] = before
        _leave(descriptor, path)


def others_measuring() -> list[Owner]:
    """Who else measures now; empty where that cannot be found out."""
    own = os.environ.get(TOKEN)
    try:
        return [owner for token, owner in _living(_folder()) if token != own]
    except OSError:
        return []


def _folder() -> Path:
    import platformdirs

    with warnings.catch_warnings():
        # It says when it takes another folder than XDG_RUNTIME_DIR, which every command of the user then does.
        warnings.simplefilter("ignore")
        folder = platformdirs.user_runtime_path("anatomy", appauthor=False)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _is_inside(folder: Path) -> bool:
    """Whether this process is part of a command that still measures."""
    token = os.environ.get(TOKEN, "")
    return bool(_TOKEN_FORM.fullmatch(token)) and _is_locked(folder / f"{token}{_SUFFIX}")


def _enter(folder: Path, command: str, policy: WhenBusy, say: Callable[[str], None]) -> tuple[int, Path]:
    deadline = time.monotonic() + policy.wait_s
    told = False
    while True:
        with _door(folder):
            owners = [owner for _, owner in _living(folder, clean=True)]
            if not owners or policy.share:
                taken = _take(folder, command)
                break
        first = min(owners, key=lambda owner: owner.since)
        more = f", and {len(owners) - 1} more" if len(owners) > 1 else ""
        if time.monotonic() >= deadline:
            waited = f", and this one has waited for {_minutes(policy.wait_s)}" if policy.wait_s else ""
            raise UsageError(
                f"{first}{more}; two at a time disturb each other{waited}: measure later, or beside it with --share"
            )
        if not told:
            say(f"waiting: {first}{more}; this one begins when it ends (--share: now; --no-wait: not at all)")
            told = True
        time.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))
    if owners:
        say(f"beside: {owners[0]}{f', and {len(owners) - 1} more' if len(owners) > 1 else ''}; the records say so")
    return taken


@contextmanager
def _door(folder: Path) -> Iterator[None]:
    """One process at a time looks who measures and begins."""
    descriptor = os.open(folder / _DOOR, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _take(folder: Path, command: str) -> tuple[int, Path]:
    path = folder / f"{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    _held.add(descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    shown = shortened(" ".join(printable(command).split()), _LONGEST_COMMAND)
    os.write(descriptor, json.dumps({"pid": os.getpid(), "command": shown, "since": since}).encode())
    return descriptor, path


def _leave(descriptor: int, path: Path) -> None:
    if descriptor not in _held:
        # A fork of the process that took it.
        return
    _held.discard(descriptor)
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)


def _living(folder: Path, clean: bool = False) -> list[tuple[str, Owner]]:
    """Token and owner of each file that is locked; with `clean`, which needs the door, the others are removed."""
    found = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        if _is_locked(path):
            found.append((path.stem, _owner(path)))
        elif clean:
            with suppress(OSError):
                path.unlink()
    return found


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _owner(path: Path) -> Owner:
    """Who wrote a file; the process by the file's name alone where it is damaged or half written."""
    try:
        found = json.loads(path.read_bytes())
        return Owner(int(found["pid"]), printable(str(found["command"])), printable(str(found["since"])))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        number = path.stem.partition("-")[0]
        return Owner(int(number) if number.isdecimal() else 0, "another command", "an unknown time")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
