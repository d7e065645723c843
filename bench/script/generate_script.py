"""A case's stand-alone program: the same model with the same settings, the same clocks, no Anatomy."""

from __future__ import annotations

from typing import Any

from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.script.code_layout import code_lines
from anatomy.bench.script.compile_source import compile_lines
from anatomy.bench.script.data_source import data_lines
from anatomy.bench.script.expression import OWN_NETWORK, InexpressibleError
from anatomy.bench.script.loop_source import loop_lines
from anatomy.bench.script.model_origin import Origin, origins_of
from anatomy.bench.script.preamble import import_lines, setting_lines
from anatomy.bench.script.script_header import docstring_lines
from anatomy.bench.script.step_source import step_lines
from anatomy.bench.script.timing_source import clock_lines
from anatomy.bench.workload.build_case import Built
from anatomy.models.returned_network import is_held

# A model is written out as long as the whole program has no more lines of code than this.
LONGEST = 60


def script_of(built: Built, case: Case, settings: MeasureSettings, output_bytes: int = 0) -> str:
    """A Python program that prints the throughput (examples/s) and the median step (ms) of `case`.

    The model is written out layer by layer where that fits into about 60 lines; else its
    configuration is packed into one; a user's model with code of its own is built by its function.

    Args:
        built: the compiled model in the process that measures it, and its data. Its optimizer is read: on JAX, a
            model whose variables were donated to a step must have got them back.
        case: what is measured.
        settings: how.
        output_bytes: of one step, as it was measured. In the modes fit and predict it is not asked for.

    Raises:
        InexpressibleError: a model of the zoo that is not made of Keras's and the zoo's layers.
    """
    if built.plan is None:
        raise InexpressibleError("its data came with it, and a script draws its own")
    if is_held(built.model):
        raise InexpressibleError(OWN_NETWORK.format(what=built.model.what))
    if case.source or case.feed not in ("numpy", "tf.data"):
        raise InexpressibleError("its input pipeline is Anatomy's; a script has its data in memory")
    programs: list[str] = []
    reason = ""
    for origin in origins_of(built.model, case):
        try:
            programs.append(_program(origin(), built, case, settings, output_bytes))
        except InexpressibleError as error:
            reason = str(error)
            continue
        if code_lines(programs[-1]) <= LONGEST:
            return programs[-1]
    if not programs:
        raise InexpressibleError(f"{case.model}: {reason}")
    return min(programs, key=code_lines)


def _program(origin: Origin, built: Built, case: Case, settings: MeasureSettings, output_bytes: int) -> str:
    model = built.model
    definitions = [line for text in origin.definitions for line in ("", "", *text.splitlines())]
    lines = [
        *docstring_lines(case, origin.note),
        *import_lines(case, origin),
        *setting_lines(case.keras_backend),
        *definitions,
        *(["", ""] if definitions else []),
        *origin.lines,
        f"assert model.count_params() == {model.count_params()}",
        *_compiling(origin, model, case),
        *_measuring(built, case, settings, output_bytes),
    ]
    return "\n".join(lines) + "\n"


def _compiling(origin: Origin, model: Any, case: Case) -> list[str]:
    try:
        return compile_lines(model, case.mode in ("train", "fit"))
    except InexpressibleError:
        if not origin.by_function:
            raise
        # Only the user can have compiled it so, and their function does it again.
        together = [f"model.steps_per_execution = {case.steps_per_execution}"] if case.steps_per_execution else []
        return [f"model.jit_compile = {model.jit_compile}", *together]


def _measuring(built: Built, case: Case, settings: MeasureSettings, output_bytes: int) -> list[str]:
    trains, model = case.mode in ("train", "fit"), built.model
    lines = data_lines(built)
    if case.mode in LOOPS:
        return [*lines, *loop_lines(case, settings, model.steps_per_execution)]
    if trains:
        lines.append("model._symbolic_build(data_batch=(x, y))  # the optimizer's and the losses' variables")
    return [
        *lines,
        *step_lines(case.keras_backend, case.mode, bool(model.jit_compile)),
        *clock_lines(case.batch_size, settings, output_bytes),
    ]
