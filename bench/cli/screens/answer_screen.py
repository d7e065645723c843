"""The answer of a run on the terminal: at most ten lines of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anatomy.bench.errors.printable import shortened, without_middle

if TYPE_CHECKING:
    from anatomy.bench.records.record import Record
    from anatomy.reports.answers.backend_race import Race

MOST_LINES, WIDTH = 10, 80
_NAME, _BACKEND, _RATE, _NEXT = 22, 12, 15, 16
_DETAILED = 2


def answer_lines(records: Sequence[Record], busy: str = "") -> list[str]:
    """The fastest backend of each model, what is weak and what was not tried; empty where nothing was timed.

    Args:
        records: of one run.
        busy: what else ran on the machine; empty if nothing did.
    """
    from anatomy.reports.answers.answer_words import untried, weak_sentence
    from anatomy.reports.answers.backend_race import races

    found = races(records)
    if not found:
        return []
    by_mode: dict[str, list[Race]] = {}
    for race in found:
        by_mode.setdefault(race.mode, []).append(race)
    closing = [_line("Machine", busy)] if busy else []
    if weak := weak_sentence(found):
        closing.append(_line("Trust", f"{weak}; the report says why"))
    options = dict.fromkeys(option.partition(" ")[0] for race in found for _, option in untried(race))
    if options:
        closing.append(_line("Not tried", f"more than one each of {', '.join(options)}"))
    # A line for each mode, and what is left for the rows of the first two.
    spare, detailed = max(0, MOST_LINES - len(closing) - len(by_mode)), min(_DETAILED, len(by_mode))
    lines = []
    for number, (mode, group) in enumerate(by_mode.items()):
        lines += _mode(mode, group, (spare + number) // detailed if number < detailed else 0)
    return [*lines, *closing]


def _mode(mode: str, found: Sequence[Race], rows: int) -> list[str]:
    """A head and as many rows below it as there are models and room; or one line: who won how often."""
    from anatomy.reports.answers.answer_words import score_sentence

    if len(found) > rows and rows < 2:
        return [_line(f"Fastest, {mode}", score_sentence(found))]
    found = sorted(found, key=lambda race: not race.rivals)
    head = _row(f"Fastest, {mode}", "", "examples/s", "next", "trust")
    if len(found) <= rows:
        return [head, *map(_race_row, found)]
    shown, others = found[: rows - 1], found[rows - 1 :]
    return [head, *map(_race_row, shown), _line(f"  {len(others)} more", score_sentence(others))]


def _race_row(race: Race) -> str:
    from anatomy.bench.records.sureness import rate_text
    from anatomy.reports.answers.answer_words import times_text, trust_word

    leader = race.leader
    times = leader.over(race.rivals[0]) if race.rivals else None
    beside = f"{'≈' * times.weak}{times_text(times)}x {race.rivals[0].name}" if times else "no rival"
    who = "too close" if race.close else leader.name
    precision = "" if race.precision == "float32" else f" {race.precision}"
    end = f"{f' {race.variant}' if race.variant else ''}{precision} b{leader.record.case.batch_size}"
    # What tells it from others stands at both ends.
    name = f"  {without_middle(f'{race.model}{end}', _NAME - 2)}"
    rate = rate_text(leader.record, leader.weaknesses, narrow=True)
    return _row(name, who, rate, beside, trust_word(leader).removeprefix("weak: "))


def _row(name: str, who: str, rate: str, beside: str, trust: str) -> str:
    cells = zip((name, who, rate, beside), (_NAME, _BACKEND, _RATE, _NEXT), strict=True)
    start = " ".join(f"{without_middle(text, width):<{width}}" for text, width in cells)
    return f"{start} {shortened(trust, WIDTH - len(start) - 1)}".rstrip()


def _line(head: str, text: str) -> str:
    return f"{head:<17} {shortened(text, WIDTH - 18)}"
