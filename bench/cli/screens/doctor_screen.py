"""What `anatomy doctor` shows on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from anatomy.bench.cli.screens.progress_display import Display
from anatomy.bench.doctor.fitness import Finding
from anatomy.bench.doctor.noise import Noise
from anatomy.bench.doctor.observer_overhead import BLOCK_S, PAIRS, Overhead
from anatomy.bench.records.ceiling import Ceiling

_STYLES = {"fit": "green", "unfit": "red", "unknown": "yellow"}


class DoctorDisplay:
    """Prints the fitness, unless `silent`, and shows a bar while the machine is measured."""

    def __init__(self, console: Console, silent: bool) -> None:
        self._console, self._silent = console, silent

    def examined(self, findings: Sequence[Finding]) -> None:
        """Print the fitness."""
        if not self._silent:
            print_findings(self._console, findings)

    def measuring(self, processes: int) -> Display:
        """A progress bar for so many processes."""
        return Display(self._console, processes, quiet=True, bar=True)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print the fitness: what was read of each property, and what to do."""
    table = _table("Is this machine fit to measure on?", "property", "verdict", "found", "remedy")
    for one in findings:
        table.add_row(one.name, f"[{_STYLES[one.verdict]}]{one.verdict}[/]", one.value, one.remedy or "–")
    console.print(table)


def print_ceilings(console: Console, ceilings: Sequence[Ceiling]) -> None:
    """Print the ceilings, a row per backend and device."""
    if not ceilings:
        return
    dtypes = list(dict.fromkeys(name for one in ceilings for name in one.matmul_flops_per_s))
    heads = [f"{name} GFLOP/s" for name in dtypes]
    table = _table(
        "What each backend can do at best", "backend", "device", *heads, "memory GB/s", "dispatch µs", "not measured"
    )
    for one in ceilings:
        rates = [
            f"{one.matmul_flops_per_s[name] / 1e9:,.1f} (n={one.matmul_size[name]})"
            if name in one.matmul_flops_per_s
            else "–"
            for name in dtypes
        ]
        bandwidth = f"{one.bandwidth_bytes_per_s / 1e9:.1f}" if one.bandwidth_bytes_per_s else "–"
        dispatch = f"{one.dispatch_s * 1e6:,.0f}" if one.dispatch_s else "–"
        why = "; ".join(f"{name}: {reason}" for name, reason in one.not_measured.items())
        table.add_row(one.backend, one.device, *rates, bandwidth, dispatch, why or "–")
    console.print(table)
    console.print("Kept for this machine: anatomy run puts them into the runs it makes from now on.", highlight=False)


def print_noises(console: Console, noises: Sequence[Noise]) -> None:
    """Print the noise, a row per backend."""
    if not noises:
        return
    table = _table(
        "How quiet is it? The same work in fresh processes", "case", "processes", "variation", "found in a minute"
    )
    for one in noises:
        variation = f"{one.variation:.2%}" if one.variation is not None else "–"
        change = f"a change of {one.detectable:.1%}" if one.detectable is not None else one.reason
        table.add_row(one.name, str(one.processes), variation, change)
    console.print(table)
    console.print(
        "Variation: standard deviation over mean of the processes' median steps. Found: in 9 of 10 comparisons of a"
        " minute, at 95 % confidence.",
        highlight=False,
    )


def print_overhead_notice(console: Console, gpu_reason: str, cpu_reason: str) -> None:
    """Print what the cost of observing will include and how long measuring it takes; the reasons are the sampler's."""
    if gpu_reason:
        console.print(f"Sampling GPUs is not part of it: {gpu_reason}.", highlight=False)
    if cpu_reason:
        console.print(f"Sampling CPU energy is not part of it: {cpu_reason}.", highlight=False)
    console.print(
        f"Two lengths of step, {PAIRS} pairs of blocks of {BLOCK_S:g} s each: eight minutes, more where the machine"
        " slows down. Leave it alone meanwhile.",
        highlight=False,
    )


def print_overheads(console: Console, found: Sequence[Overhead]) -> None:
    """Print the cost of observing, a row per length of step."""
    heads = ("step ms", "cost", "95 % interval", "limit", "verdict", "pairs", "supervisor's CPU")
    table = _table("What observing costs", *heads)
    for one in found:
        interval = f"{one.low:+.3%} … {one.high:+.3%}"
        table.add_row(
            f"{one.step_s * 1e3:.2f}",
            f"{one.cost:+.3%}",
            interval,
            f"{one.limit:.1%}",
            one.verdict,
            str(one.pairs),
            f"{one.supervisor_cores:.3%} of a core",
        )
    console.print(table)


def _table(title: str, *heads: str) -> Table:
    return Table(*heads, title=title, title_justify="left")
