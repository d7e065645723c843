"""The claims of the slides: what they say, what was counted, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.records.application_stages import accuracies
from anatomy.models.claims import CLAIMS, Claim, Rule
from anatomy.reports.claim_verdicts import Verdict, judge_claim
from anatomy.reports.model_labels import counts_by_model
from anatomy.reports.run_labels import LabelledRun, labelled_records
from anatomy.reports.table import Column, Table, build_table

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


def claims_table(runs: Sequence[LabelledRun], rule: Rule | None = None) -> Table:
    """A row for each claim. Counts do not depend on the machine, so those of all runs are taken together.

    Args:
        rule: of the claims to judge; all by default.
    """
    counts = counts_by_model(record for _, record in labelled_records(runs) if record.case.mode != "stage")
    right = [one for item in runs for one in accuracies(item.run.records)]
    claims = [claim for claim in CLAIMS if rule in (None, claim.rule)]
    return build_table(
        _COLUMNS,
        [(claim, judge_claim(claim, counts, right)) for claim in claims],
        _cells,
        key="claims",
        title="Claims of the slides",
        caption="What the talk claims, what was counted, and the verdict.",
        notes=NOTES,
    )


def _cells(judged: tuple[Claim, Verdict]) -> dict[str, Any]:
    claim, verdict = judged
    over = None if claim.claimed is None or verdict.counted is None else verdict.counted / claim.claimed - 1
    return {
        "about": claim.about,
        "statement": claim.statement,
        "claimed": claim.claimed,
        "counted": verdict.counted,
        "difference_percent": None if over is None else 100 * over,
        "verdict": verdict.verdict,
        "found": verdict.found,
        "note": claim.note or None,
    }
