"""The feed of a case."""

from __future__ import annotations

from anatomy.bench.input_pipeline.examples import Examples
from anatomy.bench.input_pipeline.feeds import Fed
from anatomy.bench.input_pipeline.source import InputForm
from anatomy.bench.records.case import Case
from anatomy.bench.records.record_parts import DrawnInput
from anatomy.bench.workload.build_case import Built
from anatomy.bench.workload.model_inputs import input_leaves


def feed_of(case: Case, built: Built) -> Fed:
    """How the loop of a case gets its batches.

    Raises:
        NotImplementedError: the source does not give what the model takes.
    """
    if not case.source:
        return Fed(case.feed, case.workers)
    if built.plan is None:
        raise NotImplementedError(f"{case.model} comes with its own data: leave --source {case.source} out")
    leaves = input_leaves(built.plan.structure)
    if len(leaves) != 1:
        raise NotImplementedError(
            f"--source {case.source} gives one input, and {case.model} takes {len(leaves)}; let its function return a"
            " dataset beside the model"
        )
    (leaf,), (values,) = leaves, built.plan.values
    bounds = values.range()
    form = InputForm(leaf.shape[1:], leaf.dtype, None if bounds is None else bounds[1])
    examples = Examples(case.source, form, built.batch.y if case.mode == "fit" else None, case.batch_size)
    return Fed(case.feed, case.workers, examples)


def drawn_from(fed: Fed) -> list[DrawnInput]:
    """What a record says of inputs that come from a source; empty where they do not."""
    if fed.examples is None:
        return []
    x = fed.examples[0][0]
    return [DrawnInput(path="", shape=(fed.examples.batch_size, *x.shape), dtype=x.dtype.name, why=_why(fed.examples))]


def _why(examples: Examples) -> str:
    source = examples.source
    size = f", {source.size_bytes / len(source.items) / 1e3:.1f} kB each on disk" if source.size_bytes else ""
    return f"{examples.name}: {len(source.items)} items{size}; {', '.join(source.steps)}"
