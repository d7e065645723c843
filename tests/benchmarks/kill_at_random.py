"""Kill the parent, the fork server or the worker of a command at random moments, and look what is lost and left.

`python -m tests.benchmarks.kill_at_random MOMENTS SEED`: of `run`, `run --resume`, `gate` and `history add` in turn,
with the scripted backend of the tests. It ends with an error at the first record that is lost, and at the first
process, worktree, temporary folder or lock that is left when the next command has begun. Ctrl-C ends it early.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from anatomy.bench.history.history_store import History
from anatomy.bench.machine.git import Repository
from anatomy.bench.machine.temporary_folders import PREFIX, remove_abandoned
from anatomy.bench.records.folder_lock import LOCK_FILE, FolderLock
from anatomy.bench.records.run_store import RECORDS_FILE, holds_run, load_run

ROOT = Path(__file__).parents[2]
SERVER = "tests.fake_fork_server"
ANATOMY = (
    sys.executable,
    "-c",
    f"from anatomy.bench.runner import fork_client; fork_client.SERVER_MODULE = {SERVER!r};"
    "from anatomy.bench.cli.main import main; main()",
)
CASES = ("mlp:hidden=8", "mlp:hidden=9", "mlp:hidden=10")
SHORT = ("--backend", "jax", "--mode", "infer", "--no-history", "--no-report", "-q")
VICTIMS = ("parent", "server", "worker")
# Of processes that have been killed with their parent.
GONE_WITHIN_S = 15.0
NET = "import keras\ndef net():\n    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"


@dataclass
class Watched:
    """A command and all processes that were seen below it."""

    process: subprocess.Popen[bytes]
    seen: dict[int, psutil.Process] = field(default_factory=dict)

    def look(self) -> dict[str, psutil.Process]:
        """The processes of now by their part: parent, server, worker."""
        found: dict[str, psutil.Process] = {}
        try:
            parent = psutil.Process(self.process.pid)
            found["parent"] = parent
            for child in parent.children(recursive=True):
                self.seen[child.pid] = child
                if SERVER not in " ".join(child.cmdline()):
                    continue
                found["server" if child.ppid() == parent.pid else "worker"] = child
        except psutil.NoSuchProcess:
            pass
        return found

    def kill(self, victim: str, after_s: float) -> str:
        """Kill the victim so many seconds after the command, or it, is there; the parent where it has ended by then.

        Returns:
            Which was killed; `nothing` where the command had ended.
        """
        while victim not in self.look() and self.process.poll() is None:
            time.sleep(0.01)
        end = time.monotonic() + after_s
        while time.monotonic() < end and self.process.poll() is None:
            self.look()
            time.sleep(0.01)
        found = self.look()
        killed = victim if victim in found else "parent"
        if self.process.poll() is not None or not found:
            return "nothing"
        found[killed].kill()
        while self.process.poll() is None:
            self.look()
            time.sleep(0.05)
        return killed

    def left(self) -> list[psutil.Process]:
        """The processes that outlive the command by more than they may."""
        _, alive = psutil.wait_procs(list(self.seen.values()), timeout=GONE_WITHIN_S)
        return [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@dataclass
class Place:
    """Where everything of this program is."""

    folder: Path

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    def environment(self) -> Mapping[str, str]:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return os.environ | {"TMPDIR": str(self.temporary), "PYTHONPATH": path, "XDG_DATA_HOME": str(self.folder)}

    def start(self, *arguments: str, directory: Path) -> Watched:
        process = subprocess.Popen(
            [*ANATOMY, *arguments],
            cwd=directory,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return Watched(process)

    def call(self, *arguments: str, directory: Path) -> int:
        return self.start(*arguments, directory=directory).process.wait()

    def require_nothing_left(self, watched: Watched) -> None:
        require(not (left := watched.left()), f"processes are left: {left}")
        remove_abandoned()
        require(not (folders := list(self.temporary.glob(f"{PREFIX}*"))), f"folders are left: {folders}")


def require(holds: bool, what: str) -> None:
    if not holds:
        raise SystemExit(what)


def finished_lines(file: Path) -> bytes:
    text = file.read_bytes() if file.exists() else b""
    return text[: text.rfind(b"\n") + 1]


def interrupted_run(place: Place, victim: str, after_s: float, *, resumed: bool) -> str:
    """Kill a run, or the resume of one that has a single record, and then measure the rest."""
    out = place.folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    command = ["run", *CASES, *SHORT, "--seconds", "0.2", "--timeout", "30", "--out", str(out)]
    if resumed:
        shutil.copytree(place.folder / "whole", out)
        lines = (out / RECORDS_FILE).read_bytes().splitlines(keepends=True)
        (out / RECORDS_FILE).write_bytes(lines[0] + lines[1][:300])
        command = ["run", "--resume", str(out), "--no-history", "--no-report", "-q"]
    before = finished_lines(out / RECORDS_FILE)
    watched = place.start(*command, directory=place.folder)
    killed = watched.kill(victim, after_s)
    kept = finished_lines(out / RECORDS_FILE)
    require(kept.startswith(before), "the records from before the resume are lost")
    place.require_nothing_left(watched)
    if not holds_run(out):
        require(not kept, "records without a run")
        return killed
    FolderLock(out).close()
    code = place.call("run", "--resume", str(out), "--no-history", "--no-report", "-q", directory=place.folder)
    require(code in (0, 4, 5), f"resuming ended with {code}")
    require(finished_lines(out / RECORDS_FILE).startswith(kept), "a record is lost")
    run = load_run(out)
    require(len(run.records) == len(CASES), f"{len(run.records)} records of {len(CASES)} cases")
    crashed = [record for record in run.records if record.outcome != "ok"]
    require(len(crashed) <= (killed in ("server", "worker")), f"{[record.reason for record in crashed]}")
    require(not (out / LOCK_FILE).exists(), "a lock is left")
    return killed


def interrupted_gate(place: Place, victim: str, after_s: float) -> str:
    """Kill a gate, and begin the next."""
    project, out = place.folder / "project", place.folder / "gate"
    shutil.rmtree(out, ignore_errors=True)
    axes = ("--backend", "jax", "--mode", "infer", "--minutes", "0.1", "--timeout", "30", "-q", "--out", str(out))
    watched = place.start("gate", "nets.py:net", "--against", "HEAD~1", *axes, directory=project)
    killed = watched.kill(victim, after_s)
    for line in finished_lines(out / "pairs.jsonl").splitlines():
        json.loads(line)
    repository = Repository(project.resolve())
    with repository.worktree(repository.resolve("HEAD~1")):
        require(worktrees(project) == 2, "a worktree is left")
    place.require_nothing_left(watched)
    require(worktrees(project) == 1, "a worktree is left")
    return killed


def worktrees(project: Path) -> int:
    listed = subprocess.run(["git", "-C", str(project), "worktree", "list"], capture_output=True, check=True, text=True)
    return len(listed.stdout.splitlines())


def interrupted_history(place: Place, after_s: float) -> str:
    """Kill what adds a second run to a history that has one."""
    file = place.folder / "history.sqlite"
    shutil.copy(place.folder / "one.sqlite", file)
    runs = (str(place.folder / "whole"), str(place.folder / "second"))
    url = f"sqlite:///{file}"
    watched = place.start("history", "add", *runs, "--db", url, "--project", "p", directory=place.folder)
    killed = watched.kill("parent", after_s)
    place.require_nothing_left(watched)
    with History(url) as history:
        kept = {row["run_id"]: row["cases"] for row in history.runs("p")}
    first = load_run(runs[0]).header.id
    require(kept.get(first) == len(CASES), f"the run from before is lost: {kept}")
    require(set(kept.values()) == {len(CASES)}, f"a run is there in part: {kept}")
    with sqlite3.connect(file) as connection:
        require(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), "the database is damaged")
    return killed


def interrupted(place: Place, what: str, victim: str, share: float) -> str:
    """Kill the victim of a command after a share of about the time that it takes, in seconds."""
    if what == "history":
        return interrupted_history(place, 2.5 * share)
    lives_s = {"parent": 12.0 if what == "gate" else 7.0, "server": 4.0, "worker": 0.6}[victim]
    if what == "gate":
        return interrupted_gate(place, victim, lives_s * share)
    return interrupted_run(place, victim, lives_s * share, resumed=what == "resume")


def prepare(place: Place) -> None:
    """Two whole runs, a history with one of them, and a repository with two commits."""
    place.temporary.mkdir()
    for name in ("whole", "second"):
        out = ("--seconds", "0.2", "--out", str(place.folder / name))
        require(place.call("run", *CASES, *SHORT, *out, directory=place.folder) == 0, "the first run failed")
    url = f"sqlite:///{place.folder / 'one.sqlite'}"
    done = place.call(
        "history", "add", str(place.folder / "whole"), "--db", url, "--project", "p", directory=place.folder
    )
    require(done == 0, "the history could not be made")
    project = place.folder / "project"
    project.mkdir()
    (project / "nets.py").write_text(NET)
    (project / ".gitignore").write_text("__pycache__/\n")
    git = ["git", "-C", str(project), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a"], ["commit", "-qm", "b", "--allow-empty"]):
        subprocess.run([*git, *command], check=True)


def main() -> None:
    """Kill, look, and print how many moments held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("moments", type=int)
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    held: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="kill-at-random-") as made:
        place = Place(Path(made).resolve())
        # Of this process, too: it begins the next gate.
        tempfile.tempdir = str(place.temporary)
        prepare(place)
        with suppress(KeyboardInterrupt):
            for moment in range(given.moments):
                what = ("run", "resume", "gate", "history")[moment % 4]
                victim, share = chance.choice(VICTIMS), chance.random()
                print(f"{moment}: {what}, {victim}, {share:.3f}", file=sys.stderr, flush=True)
                killed = interrupted(place, what, victim, share)
                held[f"{killed} of {what}"] += 1
    print(f"{sum(held.values())} moments: nothing is lost and nothing is left")
    print(", ".join(f"{name} {number}" for name, number in sorted(held.items())))


if __name__ == "__main__":
    main()
