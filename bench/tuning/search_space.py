"""What can be set: each setting, its values on each backend, and what it may change beside the speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from anatomy.bench.backends.available import supports
from anatomy.bench.records.case import LOOPS, Backend, Case, Feed, Jit, Mode


@dataclass(frozen=True)
class Setting:
    """One thing that can be set.

    Attributes:
        name: field of `Case`.
        changes: what may change with it: `speed` alone, the `numbers` that a step computes, or the `memory` it takes.
    """

    name: str
    changes: Literal["speed", "numbers", "memory"]


# The order in which two settings that are equally good are told apart: what is nearer the default is simpler.
SETTINGS = (
    Setting("backend", "speed"),
    Setting("dtype", "numbers"),
    Setting("jit", "speed"),
    Setting("feed", "speed"),
    Setting("steps_per_execution", "speed"),
    Setting("batch_size", "memory"),
)
FEEDS: tuple[Feed, ...] = ("numpy", "tf.data", "pydataset", "dataloader", "grain")
# Of `fit` and `predict`; 0 leaves it as the model was compiled. Beyond some tens, what Python adds to a step is gone.
STEPS_PER_EXECUTION = (8, 64)
DEFAULT_BATCH_SIZE = 32
# JAX compiles always, and OpenVINO as well; without it their steps are several times slower.
_SWITCHED: frozenset[Backend] = frozenset({"tensorflow", "torch", "native-tensorflow", "native-torch"})


def default_dtypes(on_gpu: bool) -> tuple[str, ...]:
    """The policies that are searched where none is given."""
    return ("float32", "mixed_bfloat16", "mixed_float16") if on_gpu else ("float32", "mixed_bfloat16")


def combinations(default: Case, backends: Sequence[Backend], dtypes: Sequence[str]) -> Iterator[Case]:
    """The backends in each dtype at the default's batch size, the default first; compilers as they choose themselves.

    What a backend cannot do at all is left out.
    """
    yield default
    for dtype in dtypes:
        for backend in backends:
            case = changed(default, {"backend": backend, "dtype": dtype})
            able = supports(backend, default.mode) and not (case.native and dtype != "float32")
            if able and case != default:
                yield case


def other_jit(case: Case, jit_in_effect: bool | None) -> Case | None:
    """The same case with its compiler the other way; `None` where that is not to be had."""
    if case.backend not in _SWITCHED or case.jit != "auto" or jit_in_effect is None:
        return None
    jit: Jit = "off" if jit_in_effect else "on"
    return changed(case, {"jit": jit})


def not_searched(mode: Mode) -> tuple[str, ...]:
    """What could be set besides, in words."""
    of_loops = ("workers of feeds",) if mode in LOOPS else ()
    return ("layout of images, which a model's code decides", "threads", "modes of torch.compile", *of_loops)


def loop_variants(case: Case) -> Iterator[Case]:
    """The same case of `fit` or `predict` with more steps per execution, and with other feeds."""
    for steps in STEPS_PER_EXECUTION:
        # Keras on PyTorch comes back to Python after each step.
        if case.backend != "torch":
            yield changed(case, {"steps_per_execution": steps})
    yield from (changed(case, {"feed": feed}) for feed in FEEDS if feed != case.feed)


def kind(case: Case) -> tuple[str, ...]:
    """What settings have in common that differ in the batch size alone."""
    return tuple(str(getattr(case, setting.name)) for setting in SETTINGS if setting.name != "batch_size")


def changed(case: Case, fields: Mapping[str, Any]) -> Case:
    """The case with other fields."""
    return Case.model_validate(case.fields() | dict(fields))


def distance(case: Case, default: Case) -> tuple[int, float]:
    """How far settings are from the default: how many differ, and by how many doublings the batch size does."""
    differing = sum(getattr(case, setting.name) != getattr(default, setting.name) for setting in SETTINGS)
    ratio = case.batch_size / default.batch_size
    return differing, max(ratio, 1 / ratio)
