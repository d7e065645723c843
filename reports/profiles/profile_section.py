"""The report's section on profiles: gaps and kinds of all profiled cases, then each case by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anatomy.bench.records.case_profile import IDLE_WORDS, Operation, Profile
from anatomy.reports.chart import Chart
from anatomy.reports.number_words import plural
from anatomy.reports.profiles.layer_bars import gap_chart, layer_chart
from anatomy.reports.profiles.step_tree import Node, step_tree
from anatomy.reports.run_labels import LabelledProfile, LabelledRun, labelled_profiles
from anatomy.reports.table_view import TableView, table_view
from anatomy.reports.tables.gap_tables import gap_table, kind_table
from anatomy.reports.tables.layer_table import layer_table

# Rows of a case's table on the page; the CSV has every layer.
MOST_LAYERS = 300
# Share of a step below which several of its parts are one line of the tree.
SMALLEST_PART = 0.005
# Operations of no layer that are named below a case.
MOST_UNATTRIBUTED = 5


@dataclass(frozen=True)
class ProfiledCase:
    """One profiled case.

    Attributes:
        name: name of the case, with its run where there are several.
        headline: the profile in a line; outcome and reason of a case that was not measured.
        tree: the step and its parts; `None` for a case that was not measured, or whose trace holds nothing.
        charts: bars; none for a case that was not measured.
        layers: table of the layers; `None` for a case that was not measured.
        facts: sentences below the table.
    """

    name: str
    headline: str
    tree: Node | None = None
    charts: tuple[Chart, ...] = ()
    layers: TableView | None = None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProfileSection:
    """The section on profiles, as its template needs it."""

    lead: str
    title: str
    overview: Chart
    gaps: TableView
    kinds: TableView
    cases: tuple[ProfiledCase, ...]


def profile_section(runs: Sequence[LabelledRun]) -> ProfileSection | None:
    """Make the section; `None` where no case was profiled."""
    profiles = labelled_profiles(runs)
    if not profiles:
        return None
    measured = sum(one.profile.outcome == "ok" for one in profiles)
    return ProfileSection(
        lead=(
            f"{plural(len(profiles), 'case')} {'was' if len(profiles) == 1 else 'were'} profiled, {measured} with a "
            "result. Taking a trace costs time: times here are of traced steps, and none of them is a figure of the "
            "other tables."
        ),
        title="Each profiled case, by layer",
        overview=gap_chart(profiles, "profile-gaps"),
        gaps=table_view(gap_table(profiles)),
        kinds=table_view(kind_table(profiles)),
        cases=tuple(profiled_case(one, number) for number, one in enumerate(profiles)),
    )


def profiled_case(one: LabelledProfile, number: int) -> ProfiledCase:
    """A profile as the page shows it; `number` tells its charts from those of other cases on the page."""
    profile = one.profile
    if profile.outcome != "ok":
        return ProfiledCase(one.name, f"{profile.outcome}: {profile.reason or 'no reason was given'}")
    tree = step_tree(profile, SMALLEST_PART)
    return ProfiledCase(
        one.name,
        headline(profile),
        tree=tree if tree.seconds > 0 else None,
        charts=(layer_chart(profile, f"profile-{number}-layers"),),
        layers=table_view(layer_table([one], named=False, most=MOST_LAYERS)),
        facts=_facts(profile),
    )


def headline(profile: Profile) -> str:
    """Return `traced step 12.3 ms, 85 % device compute; longest: conv (31 % of the device time)`."""
    parts = []
    if profile.gaps and profile.gaps.step:
        share = profile.gaps.device_compute / profile.gaps.step
        parts.append(f"traced step {1e3 * profile.gaps.step:,.3g} ms, {100 * share:.0f} % device compute")
    if profile.layers:
        longest = max(profile.layers, key=lambda layer: layer.time)
        parts.append(f"longest: {longest.name} ({100 * longest.share:.0f} % of the device time)")
    return "; ".join(parts)


def _facts(profile: Profile) -> tuple[str, ...]:
    unattributed = sorted(profile.unattributed, key=lambda operation: -operation.time)
    named = ", ".join(_operation(operation) for operation in unattributed[:MOST_UNATTRIBUTED])
    more = len(unattributed) - MOST_UNATTRIBUTED
    idle = sorted(profile.idle_causes.items(), key=lambda item: -item[1])
    causes = "; ".join(f"{IDLE_WORDS[cause]}, {1e3 * time:,.3g} ms" for cause, time in idle)
    return (
        *(f"Caveat: {caveat}." for caveat in profile.caveats),
        *([f"Nothing ran on the GPU: {causes}."] if causes else []),
        *([f"Unattributed: {named}{f', and {more:,} more' if more > 0 else ''}."] if named else []),
        *(f"Not measured: {figure}: {reason}" for figure, reason in profile.not_measured.items()),
        *([f"Trace: {profile.trace}, below the run's folder, for TensorBoard."] if profile.trace else []),
    )


def _operation(operation: Operation) -> str:
    return f"{operation.name} ({operation.kind}, {1e3 * operation.time:,.3g} ms)"
