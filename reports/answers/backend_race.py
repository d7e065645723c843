"""Races: the backends that ran one model in one mode, like with like, from the fastest to the slowest."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from anatomy.bench.records.batch_sizes import alike_but_batch
from anatomy.bench.records.case import Case
from anatomy.bench.records.caveats import DEVIATES
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import Figure, Weakness, plausible_throughputs, throughput, weaknesses
from anatomy.reports.deviation import Deviation, deviations, run_deviations
from anatomy.reports.model_labels import model_text
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.settings_differences import differing_settings

_NOT_TIMED = ("count", "stage")
_SHORT = {"bfloat16": "bf16", "float16": "f16", "tensorfloat32": "tf32"}


@dataclass(frozen=True)
class Contender:
    """A backend in a race, by the record of its fastest batch size.

    Attributes:
        name: as `--backend` has it; with the compiler where that was asked for, and with the precision of products
            where it is not that of the dtype policy: `jax`, `torch jit=on`, `openvino bf16`.
        deviates: whether its outputs are not those of the other backends.
    """

    name: str
    record: Record
    deviates: bool = False

    @property
    def rate(self) -> float:
        """Examples/s."""
        return self.record.throughput_examples_per_s or 0.0

    @cached_property
    def weaknesses(self) -> tuple[Weakness, ...]:
        """Why the figure should not be taken at face value; empty of a sound one."""
        wrong = (Weakness(DEVIATES.meaning, DEVIATES.short),) if self.deviates else ()
        return (*wrong, *weaknesses(self.record))

    @cached_property
    def figure(self) -> Figure:
        """The throughput, examples/s, weak also where the outputs deviate."""
        own = throughput(self.record)
        return own._replace(caveats=(*own.caveats, DEVIATES)) if self.deviates else own

    def over(self, other: Contender) -> Figure:
        """How many times as fast as another."""
        return Figure(1.0, (1.0, 1.0), self.figure.caveats) if other is self else self.figure.over(other.figure)

    def too_close_to(self, other: Contender) -> bool:
        """Whether either may be the faster one: what is plausible of both overlaps."""
        (low, high), (their_low, their_high) = (plausible_throughputs(c.record) for c in (self, other))
        return low <= their_high and their_low <= high


@dataclass(frozen=True)
class Race:
    """Contenders of one precision and model size in one mode.

    Attributes:
        model: shortest text of the model.
        variant: what else the cases have in common that is no default, such as `tf.data`, `2 devices`; may be empty.
        precision: dtype of the operands of products.
        parameters: of the model; `None` where it was not counted.
        contenders: the fastest first, behind them those whose outputs deviate; at least one.
        cases: every record of the model and mode, also of other precisions and sizes and those that failed.
    """

    model: str
    mode: str
    variant: str
    precision: str
    parameters: int | None
    contenders: tuple[Contender, ...]
    cases: tuple[Record, ...]

    @property
    def leader(self) -> Contender:
        """The one with the highest throughput, which need not be the fastest."""
        return self.contenders[0]

    @cached_property
    def rivals(self) -> tuple[Contender, ...]:
        """The others that compute the same."""
        return tuple(other for other in self.contenders[1:] if not other.deviates)

    @cached_property
    def unlike(self) -> dict[str, str]:
        """Settings in effect that differ between contenders: name → in words who has which."""
        names = {entry.record.key: entry.name for entry in self.contenders}
        return differing_settings((entry.record for entry in self.contenders), names)

    @cached_property
    def close(self) -> tuple[Contender, ...]:
        """Rivals that may be as fast as the leader."""
        return tuple(other for other in self.rivals if other.too_close_to(self.leader))

    @property
    def winner(self) -> Contender | None:
        """The fastest where that is clear; `None` where another is too close, or there is no rival."""
        return self.leader if self.rivals and not self.close else None


def run_races(item: LabelledRun) -> list[Race]:
    """The `races` of a run."""
    return races(item.run.records, item.once(run_deviations))


def races(records: Sequence[Record], known: Mapping[str, Deviation] | None = None) -> list[Race]:
    """The races of a run, in the order of its records; cases that were not measured take no part.

    Args:
        known: the records' `deviations`, where they are known.
    """
    known = deviations(records) if known is None else known
    wrong = {key for key, found in known.items() if found.verdict == "deviates"}
    found = []
    for course in _courses(records):
        for (size, precision), group in _alike(course).items():
            case = group[0].case
            contenders = _contenders(group, wrong)
            found.append(
                Race(race_model(case), case.mode, race_variant(case), precision, size, contenders, tuple(course))
            )
    return found


def precision_of(record: Record) -> str:
    """The dtype to which operands of products were rounded."""
    return record.parity.product_dtype if record.parity is not None else _policy(record.case)


def _courses(records: Iterable[Record]) -> list[list[Record]]:
    """Timed records that are equal but for backend, batch size, dtype policy and compiler."""
    groups: dict[Hashable, list[Record]] = {}
    for record in records:
        if record.case.mode not in _NOT_TIMED:
            alike = alike_but_batch(record.case, backend="tensorflow", dtype="float32", jit="auto")
            groups.setdefault(alike, []).append(record)
    return list(groups.values())


def _alike(course: Sequence[Record]) -> dict[tuple[int | None, str], list[Record]]:
    """The measured ones by model size and precision; one that was not counted is taken for the first size."""
    measured = [record for record in course if record.outcome == "ok" and record.throughput_examples_per_s]
    sizes = [record.counts.parameters for record in measured if record.counts]
    groups: dict[tuple[int | None, str], list[Record]] = {}
    for record in measured:
        size = record.counts.parameters if record.counts else sizes[0] if sizes else None
        groups.setdefault((size, precision_of(record)), []).append(record)
    return groups


def _contenders(records: Sequence[Record], wrong: set[str]) -> tuple[Contender, ...]:
    best: dict[str, Contender] = {}
    for record in records:
        entry = Contender(contender_name(record), record, record.key in wrong)
        if entry.name not in best or entry.rate > best[entry.name].rate:
            best[entry.name] = entry
    return tuple(sorted(best.values(), key=lambda entry: (entry.deviates, -entry.rate)))


def contender_name(record: Record) -> str:
    """The backend, with the compiler where that was asked for, and with the precision where it is not the policy's."""
    case, precision = record.case, precision_of(record)
    parts: list[str] = [case.backend]
    if case.jit != "auto":
        parts.append(f"jit={case.jit}")
    if precision != _policy(case):
        parts.append(_SHORT.get(precision, precision))
    elif case.dtype in ("bfloat16", "float16"):
        # Beside the mixed policy, which has products of the same precision.
        parts.append(f"dtype={case.dtype}")
    return " ".join(parts)


def _policy(case: Case) -> str:
    return case.dtype.removeprefix("mixed_")


def race_model(case: Case) -> str:
    """The shortest text of a case's model, without the batch size that a stateful one is built for."""
    own = {name: value for name, value in case.options.items() if name != "batch_size"}
    return model_text(case.model, own if case.options.get("stateful") else case.options)


def race_variant(case: Case) -> str:
    """What of a case is no default beside backend, batch size, dtype and compiler, such as `tf.data`; may be empty."""
    parts = [f"{path}={said}" if path else said for path, said in case.inputs.items()]
    parts += [case.feed_name.removeprefix("numpy ")] if case.feed_name != "numpy" else []
    parts += [f"{case.devices} devices"] if case.devices > 1 else []
    parts += [f"{case.nodes} nodes"] if case.nodes > 1 else []
    parts += [f"model over {case.model_parallel}"] if case.model_parallel > 1 else []
    parts += [f"layout {case.layout_map}"] if case.layout_map else []
    return ", ".join(parts)
