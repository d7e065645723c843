"""How much each figure of a case may grow: rules such as `step = "5%..8%"`, on several levels.

Later levels win: defaults, project, suite, cases of the project, the marker of a test, the command line; within a level
`train.step` wins over `step`. docs/gate.md has examples.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case, Mode
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.regression_gate.gate_table import GATE_TABLE, GateTable
from anatomy.bench.regression_gate.margins import Margins
from anatomy.bench.suites.suite import Exclusion
from anatomy.bench.suites.units import parse_bytes
from anatomy.models.suggestion import unknown_name

Metric = Literal["step", "compile", "peak_host", "peak_device", "parameters", "flops", "programs", "outputs"]
METRICS: tuple[Metric, ...] = get_args(Metric)
# These differ from process to process and are compared by pairs; all others are the same each time.
SAMPLED: tuple[Metric, ...] = ("step", "compile", "peak_host", "peak_device")
EVERY_CASE = Exclusion()
MODES: tuple[Mode, ...] = ("train", "infer")
# The minimum effect where only the tolerated change is given: the ratio of the defaults, 2 % and 5 %.
MINIMUM_OVER_TOLERATED = 2.5


class Rule(Frozen):
    """How much one metric may grow.

    Attributes:
        tolerated: relative growth that is not a regression; 0 for "exact".
        minimum: growth that a PASS must rule out, for sampled metrics; None for 2.5 times `tolerated`.
        floor: change in the metric's unit (seconds, bytes) below which no growth matters.
        gated: whether the figure is judged, not only shown.
    """

    tolerated: float = Field(default=0.0, ge=0)
    minimum: float | None = Field(default=None, gt=0)
    floor: float = Field(default=0.0, ge=0)
    gated: bool = True

    @field_validator("tolerated", "minimum", mode="before")
    @classmethod
    def _share(cls, value: Any) -> Any:
        return _parse_share(value) if isinstance(value, str) else value

    @field_validator("floor", mode="before")
    @classmethod
    def _amount(cls, value: Any) -> Any:
        return _parse_amount(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _in_order(self) -> Rule:
        if self.minimum is not None and self.minimum <= self.tolerated:
            raise ValueError(f"the minimum effect {self.minimum:.2%} must be above the tolerated {self.tolerated:.2%}")
        return self

    def margins(self, base: float) -> Margins:
        """The margins of a sampled metric whose base is at `base` > 0, in its unit; a floor raises both of them."""
        raised = max(0.0, self.floor / base - self.tolerated)
        minimum = self.minimum or MINIMUM_OVER_TOLERATED * self.tolerated
        return Margins(self.tolerated + raised, minimum + raised)


DEFAULTS: Mapping[Metric, Rule] = {
    "step": Rule(tolerated=0.02, minimum=0.05),
    # Compilers and allocators differ more from process to process, and a small change of either is seldom felt.
    "compile": Rule(tolerated=0.10, minimum=0.25, floor=0.2),
    "peak_host": Rule(tolerated=0.02, minimum=0.05, floor=16 * 2**20),
    "peak_device": Rule(tolerated=0.02, minimum=0.05, floor=16 * 2**20),
    "parameters": Rule(),
    "flops": Rule(),
    "programs": Rule(),
    "outputs": Rule(),
}


@dataclass(frozen=True)
class Policy:
    """Levels of rules, each with the cases that it is for; later levels win."""

    levels: Sequence[tuple[Exclusion, Mapping[str, Rule]]] = ()

    def with_level(self, tolerate: Mapping[str, Any], where: str, cases: Exclusion = EVERY_CASE) -> Policy:
        """This policy with one more level.

        Args:
            tolerate: metric, or `mode.metric` → rule, as a text, a table or a `Rule`.
            where: for messages, e.g. `pyproject.toml [tool.anatomy.gate] tolerate`.
            cases: which cases it is for.

        Raises:
            UsageError: an unknown metric, or what is no rule.
        """
        if not isinstance(tolerate, Mapping):
            raise UsageError(f"{where}: expected a table of metric and rule, got {tolerate!r}")
        rules = {name: _rule(str(name), given, where) for name, given in tolerate.items()}
        return Policy((*self.levels, (cases, rules)))

    def rule(self, case: Case, metric: Metric) -> Rule:
        """The rule that holds for a metric of a case."""
        found = DEFAULTS[metric]
        for cases, rules in self.levels:
            if cases == EVERY_CASE or cases.matches(case):
                found = rules.get(f"{case.mode}.{metric}") or rules.get(metric) or found
        return found


def policy_of(table: GateTable, suite: Mapping[str, Any] = MappingProxyType({})) -> Policy:
    """The policy of the project's table; a suite's rules stand between its general ones and those for some cases.

    Raises:
        UsageError: an unknown metric, or what is no rule.
    """
    policy = Policy().with_level(table.tolerate, f"{GATE_TABLE} tolerate").with_level(suite, "the suite's tolerate")
    for number, entry in enumerate(table.case):
        chosen = Exclusion.model_validate(entry.model_dump(exclude={"tolerate"}))
        policy = policy.with_level(entry.tolerate, f"{GATE_TABLE} case.{number}.tolerate", chosen)
    return policy


def rules_of(given: Sequence[str], option: str) -> dict[str, Rule]:
    """Read rules of the command line: `step=5%`.

    Raises:
        UsageError: there is no `=`, no such metric, or what follows is no rule.
    """
    rules = {}
    for text in given:
        name, sign, rule = (part.strip() for part in text.partition("="))
        if not sign:
            raise UsageError(f"{option} {text}: expected METRIC=RULE, e.g. step=5%")
        rules[name] = _rule(name, rule, option)
    return rules


def parse_rule(text: str) -> Rule:
    """`5%`, `5%..8%`, `2%, floor 16MiB`, `exact` or `any`.

    Raises:
        ValueError: anything else, or amounts in the wrong order.
    """
    word = text.strip().lower()
    if word in ("any", "exact"):
        return Rule(gated=word == "exact")
    match = re.fullmatch(r"([\d.]+%)(?:\s*\.\.\s*([\d.]+%))?(?:\s*,\s*floor\s+(\S+))?", word)
    if match is None:
        raise ValueError(f"{text!r} is no tolerance; expected e.g. '5%', '5%..8%', '2%, floor 16MiB', 'exact' or 'any'")
    tolerated, minimum, floor = match.groups()
    return Rule.model_validate({"tolerated": tolerated, "minimum": minimum, "floor": floor or 0.0})


def _rule(name: str, given: Any, where: str) -> Rule:
    valid = [*METRICS, *(f"{mode}.{metric}" for mode in MODES for metric in METRICS)]
    if name not in valid:
        raise UsageError(f"{where}: {unknown_name('metric', name, valid)}")
    metric = name.rpartition(".")[2]
    try:
        rule = parse_rule(given) if isinstance(given, str) else Rule.model_validate(given)
        if metric in SAMPLED and rule.gated and rule.tolerated <= 0:
            raise ValueError(f"{metric} differs from process to process and cannot be exact; expected e.g. '2%'")
    except (ValidationError, ValueError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise UsageError(f"{where}: {name}: {said.removeprefix('Value error, ')}") from error
    return rule


def _parse_share(text: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*%\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is not a percentage, e.g. '2.5%'")
    return float(match[1]) / 100


def _parse_amount(text: str) -> float:
    """Seconds (`0.2s`, `50ms`) or bytes (`16MiB`)."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*", text)
    if match is not None:
        return float(match[1]) / (1000 if match[2] == "ms" else 1)
    try:
        return float(parse_bytes(text))
    except UsageError as error:
        raise ValueError(f"{text!r} is neither a time (0.2s, 50ms) nor a size (16MiB)") from error
