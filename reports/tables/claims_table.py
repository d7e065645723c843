"""The claims table: what the slides say, what was counted, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from anatomy.models.claims import CLAIMS
from anatomy.reports.claim_verdicts import judge
from anatomy.reports.model_labels import counts_by_model
from anatomy.reports.run_labels import LabelledRun
from anatomy.reports.table import Column, Table, make_frame

_NO_NUMBER = "–"
_COLUMNS = (
    Column("about", "about"),
    Column("statement", "claim on the slide"),
    Column("claimed", "claimed", kind="number", whole=True, missing=_NO_NUMBER),
    Column("counted", "counted", kind="number", whole=True, missing=_NO_NUMBER),
    Column("difference_percent", "difference", "%", "number", missing=_NO_NUMBER),
    Column("verdict", "verdict", kind="outcome"),
    Column("found", "what was counted"),
    Column("note", "note", missing=""),
)

NOTES = (
    "A number agrees at its own precision: “true” when equal; “true, rounded” when the count rounds (half up) to the "
    "claim's significant digits, which end at its last digit other than 0; “true, rounded down” when the count "
    "cut off there is the claim; otherwise “false”.",
    "Counted: from the model as built in this run (mode count, or any mode), or by arithmetic where the slide only "
    "describes a network.",
    "Errors, accuracies and hardware of the papers are quoted; no build can settle them.",
)


def claims_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each claim. Counts do not depend on the machine, so those of all runs are taken together."""
    counts = counts_by_model(record for item in runs for record in item.run.records)
    rows = []
    for claim in CLAIMS:
        verdict = judge(claim, counts)
        rows.append(
            {
                "about": claim.about,
                "statement": claim.statement,
                "claimed": claim.claimed,
                "counted": verdict.counted,
                "difference_percent": _percent_over(claim.claimed, verdict.counted),
                "verdict": verdict.verdict,
                "found": verdict.found,
                "note": claim.note or None,
            }
        )
    return Table(
        key="claims",
        title="Claims of the slides",
        caption="What the talk claims, what was counted, and the verdict.",
        columns=_COLUMNS,
        frame=make_frame(rows, _COLUMNS),
        notes=NOTES,
    )


def _percent_over(claimed: float | None, counted: float | None) -> float | None:
    return None if claimed is None or counted is None else 100 * (counted / claimed - 1)
