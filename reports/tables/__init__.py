"""Tables of the report: pure functions from runs to frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anatomy.reports.flops_utilisation import Peak
from anatomy.reports.gpu_peaks import dense_peak
from anatomy.reports.run_labels import LabelledRun, is_application_alone, labelled_profiles, without_stages
from anatomy.reports.table import Table
from anatomy.reports.tables.agreement_table import agreement_table
from anatomy.reports.tables.answer_table import answer_tables
from anatomy.reports.tables.architecture_table import architecture_table
from anatomy.reports.tables.batch_size_tables import batch_size_tables
from anatomy.reports.tables.case_tables import case_table, count_table, failure_table, phase_table
from anatomy.reports.tables.change_table import change_tables
from anatomy.reports.tables.claims_table import claims_table
from anatomy.reports.tables.framework_table import framework_table
from anatomy.reports.tables.gap_tables import gap_table, kind_table
from anatomy.reports.tables.input_table import input_tables
from anatomy.reports.tables.keras_cost_table import keras_cost_tables
from anatomy.reports.tables.layer_table import layer_table
from anatomy.reports.tables.loop_table import loop_table
from anatomy.reports.tables.machine_table import machine_table
from anatomy.reports.tables.model_table import model_table
from anatomy.reports.tables.precision_table import precision_tables
from anatomy.reports.tables.race_table import race_tables
from anatomy.reports.tables.scaling_table import scaling_table
from anatomy.reports.tables.speed_table import speed_table
from anatomy.reports.tables.stage_tables import stage_tables
from anatomy.reports.tables.telemetry_table import telemetry_table
from anatomy.reports.tables.trust_table import trust_table
from anatomy.reports.tables.utilisation_table import utilisation_table

__all__ = [
    "agreement_table",
    "all_tables",
    "answer_tables",
    "architecture_table",
    "batch_size_tables",
    "case_table",
    "change_tables",
    "claims_table",
    "count_table",
    "failure_table",
    "framework_table",
    "gap_table",
    "input_tables",
    "iterate_tables",
    "keras_cost_tables",
    "kind_table",
    "layer_table",
    "loop_table",
    "machine_table",
    "model_table",
    "phase_table",
    "precision_tables",
    "profile_tables",
    "race_tables",
    "scaling_table",
    "speed_table",
    "stage_tables",
    "talk_tables",
    "telemetry_table",
    "trust_table",
    "utilisation_table",
]


def all_tables(runs: Sequence[LabelledRun], peak: Peak | None = dense_peak) -> tuple[Table, ...]:
    """Every table of the report, in its order; `peak` is the datasheet of known GPUs."""
    return tuple(iterate_tables(runs, peak))


def iterate_tables(runs: Sequence[LabelledRun], peak: Peak | None = dense_peak) -> Iterator[Table]:
    """Every table of the report, each made when it is asked for: those of large runs do not fit into memory at once."""
    stages = stage_tables(runs)
    if is_application_alone(runs):
        yield from stages
        # With accuracies there is a claim to judge.
        if len(stages) > 1:
            yield claims_table(runs, "text accuracy")
        yield machine_table(runs)
        yield failure_table(runs)
        return
    everything, runs = runs, without_stages(runs)
    costs = keras_cost_tables(runs)
    if costs and not any(item.run.records for item in runs):
        yield from (*costs, machine_table(runs), *profile_tables(runs))
        return
    yield from answer_tables(runs)
    yield from race_tables(runs)
    yield from change_tables(runs)
    yield machine_table(runs)
    yield from stages
    yield model_table(runs)
    yield from costs
    yield speed_table(runs)
    yield loop_table(runs)
    yield from input_tables(runs)
    yield from batch_size_tables(runs)
    yield from precision_tables(runs)
    yield scaling_table(runs)
    yield agreement_table(runs)
    yield utilisation_table(runs, peak)
    yield telemetry_table(runs)
    yield trust_table(runs)
    yield failure_table(everything)
    yield case_table(runs, peak)
    yield phase_table(runs)
    yield count_table(runs)
    yield from profile_tables(runs)
    yield from talk_tables(everything)


def talk_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """The talk's tables, beside what these runs counted and measured."""
    steps = without_stages(runs)
    return (architecture_table(steps), framework_table(steps), claims_table(runs))


def profile_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """Tables of the profiled cases; none where no case was profiled."""
    cases = labelled_profiles(runs)
    return (gap_table(cases), kind_table(cases), layer_table(cases)) if cases else ()
