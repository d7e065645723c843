"""The gate inside pytest: each measuring item is compared with the base, and passes or fails by its own verdict."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.machine.temporary_folders import temporary_folder
from anatomy.bench.pytest_plugin.benchmark_options import require_measuring
from anatomy.bench.pytest_plugin.hook_edge import sentence_on
from anatomy.bench.records.case import Case
from anatomy.bench.regression_gate.gate_request import GateRequest, result_folder
from anatomy.bench.regression_gate.gate_result import CaseResult, unmeasured_case
from anatomy.bench.regression_gate.gate_session import GateSession
from anatomy.bench.regression_gate.group_sequential import ALPHA
from anatomy.bench.regression_gate.policy import rules_of
from anatomy.bench.regression_gate.resolve_sides import parse_base

# In the base's pytest: the file that it writes its measuring items to; pytest has no other channel.
COLLECTED = "ANATOMY_COLLECTED"
COLLECTING_TIMEOUT_S = 300.0
# Options that write or compare in this session, with a value each; the base's pytest does not get them.
_WITH_VALUE = (
    "--anatomy-against",
    "--anatomy-candidate",
    "--anatomy-tolerate",
    "--anatomy-minutes",
    "--anatomy-out",
    "--anatomy-seconds",
    "--junitxml",
    "--junit-xml",
    "--benchmark-json",
)
_FLAGS = ("--anatomy-allow-dirty", "--anatomy-allow-new", "--anatomy-allow-stored-time", "--benchmark-autosave")


def open_gate(config: pytest.Config) -> GateSession:
    """Set both sides up, as the options of pytest name them.

    Raises:
        UsageError: they cannot be compared as asked.
        SetupError: a side could not be set up.
    """
    option = config.getoption
    require_measuring(config, "--anatomy-against" if option("--anatomy-against") else "--anatomy-candidate")
    request = GateRequest(
        base=parse_base(option("--anatomy-against")),
        directory=config.rootpath,
        candidate=option("--anatomy-candidate") or [],
        tolerate=rules_of(option("--anatomy-tolerate") or [], "--anatomy-tolerate"),
        allow_dirty=option("--anatomy-allow-dirty"),
        allow_new=option("--anatomy-allow-new"),
        allow_stored_time=option("--anatomy-allow-stored-time"),
        minutes=option("--anatomy-minutes"),
        out=result_folder(option("--anatomy-out")),
        command=["pytest", *map(str, config.invocation_params.args)],
    )
    return GateSession(request)


def judge_item(gate: GateSession, case: Case, item: str, tolerate: Mapping[str, Any], items: int) -> CaseResult:
    """Compare the case of an item with the base; whatever keeps it from being compared is its ERROR, in a sentence.

    Args:
        gate: the session.
        case: of the item.
        item: its node id.
        tolerate: rules of its marker.
        items: how many items this session judges.
    """
    # Bonferroni: flagged and confirmed by chance, over all items, is a false FAIL in at most items · α · level.
    confirm_at = min(ALPHA, 1 / max(1, items))
    try:
        (found,) = gate.judge([case], tolerate=tolerate, confirm_at=confirm_at, item=item)
    except Exception as error:  # noqa: BLE001  # the boundary of an item: a fault is no regression
        (found,) = gate.add([unmeasured_case(case, "ERROR", sentence_on(error))], item)
    return found


def items_gone(config: pytest.Config, gate: GateSession, present: Sequence[str]) -> list[str]:
    """Measuring items that the base collects under the same arguments and this session does not.

    Raises:
        SetupError: the base's tests cannot be collected.
    """
    side = gate.base
    if side is None or side.commit is None:
        return []
    with temporary_folder("collected") as made:
        file = made / "items.json"
        command = [side.python, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
        try:
            done = subprocess.run(
                [*command, *forwarded(list(map(str, config.invocation_params.args)))],
                cwd=side.directory,
                env={**os.environ, **side.environment, COLLECTED: str(file)},
                capture_output=True,
                encoding="utf-8",
                errors="backslashreplace",
                check=False,
                timeout=COLLECTING_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise SetupError(f"the base's tests were not collected within {COLLECTING_TIMEOUT_S:g} s") from error
        # A file or folder of the arguments that the base lacks is a usage error there: it has no items in it.
        if not file.exists():
            if done.returncode in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
                return []
            raise SetupError(f"the base's tests could not be collected: {done.stdout.strip()[-500:]}")
        theirs: list[str] = json.loads(file.read_text())
    return [item for item in theirs if item not in set(present)]


def forwarded(arguments: Sequence[str]) -> list[str]:
    """The arguments that choose items, for the base's pytest: without those that write or compare."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip:
            skip = False
        elif argument in _WITH_VALUE:
            skip = True
        elif argument not in _FLAGS and not argument.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            kept.append(argument)
    return kept


def write_collected(items: Sequence[str]) -> None:
    """Write the measuring items of the base's pytest for the session that started it."""
    Path(os.environ[COLLECTED]).write_text(json.dumps(list(items)))


class GoneItem(pytest.Item):
    """A measuring item that the base has and this session lacks: dropping a benchmark must not pass."""

    def runtest(self) -> None:
        """Fail."""
        pytest.fail("missing on the candidate: the base measures it", pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The place that pytest's report shows."""
        return self.path, None, self.name
