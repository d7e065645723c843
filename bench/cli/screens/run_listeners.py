"""Listeners of a run: what `anatomy run` and `anatomy profile` print while they measure."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from anatomy.bench.cli.screens.profile_screen import print_profile
from anatomy.bench.cli.screens.progress_display import Display
from anatomy.bench.statistics.saturation import in_words

if TYPE_CHECKING:
    from rich.console import Console

    from anatomy.bench.records.batch_sizes import BatchSizes
    from anatomy.bench.records.case_profile import Profile
    from anatomy.bench.records.record import Record


class RunDisplay(Display):
    """Rows and a progress bar on `console`; with `json` also each record as a line of JSON on standard output.

    With `profiles`, what is asked for are the profiles: they are printed in place of the records.
    """

    def __init__(
        self,
        console: Console,
        total: int | None,
        *,
        quiet: bool = False,
        json: bool = False,
        profiles: bool = False,
        bar: bool = False,
    ) -> None:
        super().__init__(console, total, quiet, bar)
        self._screen, self._json, self._profiles, self._silent = console, json, profiles, quiet

    def end(self, record: Record) -> None:
        """Print the row of a case, or its JSON."""
        super().end(record)
        if self._json and not self._profiles:
            print(record.model_dump_json(), flush=True)

    def profiled(self, profile: Profile) -> None:
        """Print a profile where profiles are asked for."""
        if not self._profiles:
            return
        if self._json:
            print(profile.model_dump_json(), flush=True)
        else:
            print_profile(self._screen, profile)

    def disturbed(self, what: str) -> None:
        """Print who uses the machine beside the next case."""
        if not self._silent:
            self._screen.print(what, highlight=False, markup=False, soft_wrap=True)

    def searched(self, sizes: BatchSizes) -> None:
        """Print what a search for the largest batch found."""
        if self._json:
            print(json_module.dumps({"largest_batch": sizes.to_dict()}), flush=True)
        if not self._silent:
            self._screen.print(largest_batch_sentence(sizes), highlight=False, markup=False, soft_wrap=True)


def print_isolation(console: Console, records: Sequence[Record]) -> None:
    """Print what a fresh process costs on each backend: from the request to a worker with its device ready."""
    by_backend: dict[str, list[float]] = {}
    for record in records:
        if record.phases.start_s is not None:
            by_backend.setdefault(record.case.backend, []).append(record.phases.start_s)
    if by_backend:
        costs = ", ".join(f"{name} {median(values):.2f} s" for name, values in by_backend.items())
        console.print(f"A fresh process per case cost (median): {costs}", highlight=False, soft_wrap=True)


def largest_batch_sentence(sizes: BatchSizes) -> str:
    """What a search for the largest batch found, in a sentence."""
    growth = ""
    if sizes.growth is not None:
        best = sizes.growth.best
        growth = (
            f" Throughput {in_words(sizes.growth)} (best: {best.examples_per_s:,.1f} examples/s at {best.batch_size})."
        )
    if sizes.largest_record is None:
        name = sizes.too_large.name if sizes.too_large else "nothing"
        met = "no batch fits" if sizes.by_memory else "the smallest batch could not be measured"
        return f"{name}: {met}; {sizes.why}"
    if sizes.too_large is None:
        return f"{sizes.largest_record.name} fits, and no larger batch was tried.{growth}"
    size = sizes.too_large.case.batch_size
    fits, lacks = ("fits", "does not") if sizes.by_memory else ("was measured", "could not be")
    return f"{sizes.largest_record.name} is the largest batch that {fits}; {size} {lacks}: {sizes.why}.{growth}"
