"""Answers in sentences: the fastest backend of each model, whether that is clear, and what was not tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from anatomy.bench.records.caveats import WIDE
from anatomy.bench.records.record import Record
from anatomy.bench.records.sureness import BETWEEN_PROCESSES, Figure, rate_text
from anatomy.reports.answers.backend_race import Contender, Race, precision_of
from anatomy.reports.number_words import plural

RULE = (
    "Too close: the 95 % intervals overlap; of a figure from one process they count as "
    f"± {100 * BETWEEN_PROCESSES:g} % at least, since the next process may differ by so much. ≈: a figure that should "
    f"not be taken at face value, or is known to ± {100 * WIDE:g} % or worse; the table of trust has the reasons. "
    "Backends are compared only where products are computed in the same precision and outputs agree, each at its "
    "fastest batch size of those tried. Trust: C, the figure is weak (≈), above its ceiling, or the machine was busy; "
    "B, nothing of that, but of one process; A, nothing of that, and the interval is between several processes. ± is "
    "half the width of the interval; a bar's line shows where it lies, and › that it reaches beyond the drawing."
)


def race_name(race: Race) -> str:
    """`unet:depth=3 train`, with what is no default: `mlp fit, tf.data`."""
    return f"{race.model} {race.mode}" + (f", {race.variant}" if race.variant else "")


def answer_sentence(race: Race) -> str:
    """What to use, how fast it is, and how much slower the others are."""
    leader = race.leader
    precision = "" if race.precision == "float32" else f", products in {race.precision}"
    batch = f"batch {leader.record.case.batch_size:,}"
    figure = f"{rate_text(leader.record, leader.weaknesses)} examples/s ({batch}{precision})"
    wrong = [entry.name for entry in race.contenders if entry.deviates]
    left_out = f"; left out, since outputs deviate: {', '.join(wrong)}" if wrong and not leader.deviates else ""
    if not race.rivals:
        return f"{race_name(race)}: {leader.name} {figure}; {_why_alone(race)}{left_out}."
    if race.close:
        names = _listed([leader.name, *(other.name for other in race.close)])
        slower = [other for other in race.rivals if other not in race.close]
        rest = f"; {_slower(leader, slower)}" if slower else ""
        return f"{race_name(race)}: too close between {names}; {leader.name} has {figure}{rest}{left_out}."
    return f"{race_name(race)}: {leader.name}, {figure}, {_slower(leader, race.rivals)}{left_out}."


def _why_alone(race: Race) -> str:
    """Whether there were others, and what they computed instead: in another precision, or a model of another size."""
    others = [r for r in race.cases if r.outcome == "ok" and r.case.backend != race.leader.record.case.backend]
    if not others:
        return "no other backend was measured"
    apart: dict[str, dict[str, None]] = {}
    for record in others:
        apart.setdefault(_apart(race, record), {})[record.case.backend] = None
    return "; ".join(f"{', '.join(names)} computed {what}" for what, names in apart.items())


def _apart(race: Race, record: Record) -> str:
    """Why a record is in another race."""
    what = []
    if (precision := precision_of(record)) != race.precision:
        what.append(f"in another precision ({precision})")
    if record.counts is not None and race.parameters is not None and record.counts.parameters != race.parameters:
        what.append(f"a model of another size ({record.counts.parameters:,} parameters)")
    return " and ".join(what) or "under other settings"


def _slower(leader: Contender, others: Sequence[Contender]) -> str:
    """`1.7 × jax, ≈ 1.8 × torch`: how much faster the leader is."""
    return ", ".join(_times(leader, other) for other in others)


def _times(leader: Contender, other: Contender) -> str:
    size = other.record.case.batch_size
    at = "" if size == leader.record.case.batch_size else f" (batch {size:,})"
    times = leader.over(other)
    return f"{times.about(times_text(times))} × {other.name}{at}"


def times_text(times: Figure) -> str:
    """How many times as fast, with the digits that matter and that the intervals leave: 1.07, 2.4, 38."""
    return times.number(most=3 if (times.value or 0.0) < 2 else 2)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def score_sentence(found: Sequence[Race]) -> str:
    """Who won how many of the races of a mode, and how many had no rival; empty without a race."""
    contested = [race for race in found if race.rivals]
    wins = Counter(race.winner.name for race in contested if race.winner is not None)
    close = sum(race.winner is None for race in contested)
    parts = [f"{name} {number}" for name, number in wins.most_common()] + ([f"too close {close}"] if close else [])
    if len(contested) > 1 and len(parts) == 1:
        said = f"{parts[0]} of {len(contested)}"
    else:
        said = ("no single winner: " if len(contested) > 1 else "") + ", ".join(parts)
    alone = len(found) - len(contested)
    return ", ".join(filter(None, (said, f"without a rival {alone}" if alone else "")))


def trust_word(contender: Contender) -> str:
    """`sound`, or `weak: ` and the reasons in a word or two each."""
    found = contender.weaknesses
    return f"weak: {', '.join(one.short for one in found)}" if found else "sound"


def weak_sentence(found: Sequence[Race]) -> str:
    """How many figures of the races are weak; empty where none is."""
    entries = [entry for race in found for entry in race.contenders]
    weak = sum(bool(entry.weaknesses) for entry in entries)
    return f"{weak} of {plural(len(entries), 'figure')} {'is' if weak == 1 else 'are'} weak (≈)" if weak else ""


def unlike_sentence(found: Sequence[Race]) -> str:
    """In how many races the backends' settings in effect differ, and which; empty where in none."""
    contested = [race for race in found if race.rivals]
    unlike = [differing for race in contested if (differing := race.unlike)]
    names = ", ".join(dict.fromkeys(name for differing in unlike for name in differing))
    if not unlike:
        return ""
    return (
        f"In {len(unlike)} of {plural(len(contested), 'comparison')} the backends' settings were unlike ({names}): each"
        " answer says which backend has which."
    )


def untried(race: Race) -> list[tuple[str, str]]:
    """What was not varied for a model, in words, each with the option that would; what failed was tried."""
    cases = [record.case for record in race.cases]
    found = []
    if len({case.batch_size for case in cases}) == 1:
        found.append(("other batch sizes", "--batch-size 8,32,128"))
    if len({case.dtype for case in cases}) == 1:
        found.append(("other precisions", "--dtype float32,mixed_bfloat16"))
    if len({case.backend for case in cases}) == 1:
        found.append(("other backends", "--backend tensorflow,jax,torch"))
    return found
