"""What is reported where a rank ends: the rank, not what the framework made of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

# Rank 1's connection is closed a moment after the framework has raised an error over that loss.
LOSES_A_RANK = """
import json, threading, time
from contextlib import closing
from multiprocessing import Pipe
from anatomy.bench.parallel.ranks import Peers

ours, theirs = Pipe()

class Server:
    def accept(self, timeout_s):
        return ours, {"rank": 1, "host": "there"}

peers = Peers(lambda ended: print(ended.model_dump_json(), flush=True))
peers.accept(Server(), range(1, 2), 1.0)
peers.watch()
try:
    with closing(peers):
        peers.launch()
        if {LOST}:
            threading.Timer(0.3, theirs.close).start()
        raise OSError("Gloo AllGather failed: connection closed by peer")
except OSError as error:
    print(json.dumps({"outcome": "crashed", "reason": str(error)}), flush=True)
"""


def _first_reason(lost: bool) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOSES_A_RANK.replace("{LOST}", str(lost))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return str(json.loads(done.stdout.splitlines()[0])["reason"])


def test_a_lost_rank_is_named_where_the_framework_has_seen_it_first() -> None:
    assert _first_reason(lost=True) == "rank 1 on there has ended"


def test_an_error_while_every_rank_lives_stays_what_it_is() -> None:
    assert _first_reason(lost=False) == "Gloo AllGather failed: connection closed by peer"
