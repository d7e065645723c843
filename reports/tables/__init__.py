"""Tables of the report: pure functions from runs to frames."""

from __future__ import annotations

from collections.abc import Sequence

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
    stages = stage_tables(runs)
    if is_application_alone(runs):
        # With accuracies there is a claim to judge.
        claims = (claims_table(runs, "text accuracy"),) if len(stages) > 1 else ()
        return (*stages, *claims, machine_table(runs), failure_table(runs))
    everything, runs = runs, without_stages(runs)
    costs = keras_cost_tables(runs)
    if costs and not any(item.run.records for item in runs):
        return (*costs, machine_table(runs), *profile_tables(runs))
    return (
        *answer_tables(runs),
        *race_tables(runs),
        *change_tables(runs),
        machine_table(runs),
        *stages,
        model_table(runs),
        *costs,
        speed_table(runs),
        loop_table(runs),
        *input_tables(runs),
        *batch_size_tables(runs),
        *precision_tables(runs),
        scaling_table(runs),
        agreement_table(runs),
        utilisation_table(runs, peak),
        telemetry_table(runs),
        trust_table(runs),
        failure_table(everything),
        case_table(runs, peak),
        phase_table(runs),
        count_table(runs),
        *profile_tables(runs),
        *talk_tables(everything),
    )


def talk_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """The talk's tables, beside what these runs counted and measured."""
    steps = without_stages(runs)
    return (architecture_table(steps), framework_table(steps), claims_table(runs))


def profile_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """Tables of the profiled cases; none where no case was profiled."""
    cases = labelled_profiles(runs)
    return (gap_table(cases), kind_table(cases), layer_table(cases)) if cases else ()
