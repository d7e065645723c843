"""The layers of profiled cases: time, FLOPs, achieved FLOP/s, and what each layer is bound by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.profiling.layer_tree import LayerNode, kinds_of
from anatomy.bench.records.case_profile import LayerTime, Operation, Profile
from anatomy.reports.number_words import plural
from anatomy.reports.run_labels import LabelledProfile, with_case
from anatomy.reports.table import MEBI, Absence, Column, Table, build_table, with_details

_UNATTRIBUTED = "(unattributed)"
_COLUMNS = (
    Column("layer", "layer"),
    Column("type", "type", missing=""),
    Column("time_s", "time", "ms", "number", 1e3, group="time"),
    Column("time_share", "of the device time", "%", "number", 100, group="time"),
    Column("forward_s", "forward", "ms", "number", 1e3, group="time"),
    Column("backward_s", "backward", "ms", "number", 1e3, group="time"),
    Column("host_s", "host alone", "ms", "number", 1e3, group="time"),
    Column("flops", "FLOPs", "MFLOP", "number", 1e-6, group="work"),
    Column("flops_share", "of all FLOPs", "%", "number", 100, group="work"),
    Column("moved_bytes", "moves at least", "MiB", "number", 1 / MEBI, group="work"),
    Column("flops_per_s", "achieved", "GFLOP/s", "number", 1e-9),
    Column("ceiling_share", "of the ceiling", "%", "number", 100),
    Column("tensor_core_share", "on tensor cores", "%", "number", 100),
    Column("bound", "bound by"),
    Column("kinds", "kinds of work", missing="not known"),
)
_WORK = ("flops", "flops_share", "moved_bytes", "flops_per_s", "ceiling_share", "bound")
# Of GPUs alone.
_TENSOR_CORES = "tensor_core_share"
NOTES = (
    "Times are seconds of device time in the traced steps; operations that ran at the same time share it. FLOPs: "
    "2 × MACs × batch forward, three times that for training. Achieved: FLOPs over the layer's time.",
    "Bound by: launch, where the host spent longer in the layer than its operations took, or where these took under "
    "50 µs each on average and their work, by the ceilings, would take less than a tenth of their time; else the "
    "longer of the times that its FLOPs would take at the measured ceiling of its dtype (compute), and its inputs, "
    "outputs and parameters at the measured bandwidth (memory). It says what would limit the layer at its best, not "
    "how near to that it is: of the ceiling says that, the achieved rate over the measured ceiling of its dtype.",
)
_TENSOR_CORE_NOTE = (
    "On tensor cores: share of the time of the layer's products and convolutions, as far as the names of their kernels "
    "say whether they use tensor cores."
)


def layer_table(cases: Sequence[LabelledProfile], *, named: bool = True, most: int | None = None) -> Table:
    """A row for each layer of each measured case.

    Args:
        cases: profiled cases; failed ones have no rows.
        named: whether rows carry the name of their case and run.
        most: number of layers per case, the longest ones, that have rows; one more row holds the rest.
    """
    measured = [case for case in cases if case.profile.outcome == "ok"]
    on_gpu = any(layer.tensor_core_share is not None for case in measured for layer in case.profile.layers)
    columns = tuple(column for column in _COLUMNS if on_gpu or column.key != _TENSOR_CORES)
    return build_table(
        with_details(with_case(columns, cases) if named else columns, "host_s", "moved_bytes", "kinds"),
        [(case, layer) for case in measured for layer in _rows(case.profile, most)],
        _cells,
        _absence,
        key="layers",
        title="Time by layer",
        caption="Device time of every layer in a step, beside its FLOPs.",
        notes=(*NOTES, _TENSOR_CORE_NOTE) if on_gpu else NOTES,
        empty="No profiled case was measured.",
        section="case" if named else None,
    )


def _rows(profile: Profile, most: int | None) -> list[LayerTime]:
    """The layers of a profile that have rows, and what is not one layer, longest first."""
    layers = sorted(profile.layers, key=lambda layer: -layer.time)
    shown, rest = (layers, []) if most is None else (layers[:most], layers[most:])
    return sorted([*shown, *_together(rest), *_unattributed(profile)], key=lambda layer: -layer.time)


def _together(rest: Sequence[LayerTime]) -> list[LayerTime]:
    """Several layers as one row."""
    if not rest:
        return []
    sums = LayerNode("", "", tuple(rest), ())
    return [
        LayerTime(
            name=f"({plural(len(rest), 'shorter layer')})",
            type="",
            time=sums.time,
            share=sums.share,
            forward=sum(layer.forward for layer in rest),
            backward=sum(layer.backward for layer in rest),
            flops=sums.flops,
            flops_share=sums.flops_share,
            flops_per_s=sums.flops_per_s,
            operations=[operation for layer in rest for operation in layer.operations],
        )
    ]


def _unattributed(profile: Profile) -> list[LayerTime]:
    """Operations of no known layer as one row: with it, the shares add up."""
    operations = profile.unattributed
    if not operations:
        return []
    return [
        LayerTime(
            name=_UNATTRIBUTED,
            type="",
            time=sum(operation.time for operation in operations),
            share=profile.unattributed_share or 0.0,
            forward=_in_pass(operations, "forward"),
            backward=_in_pass(operations, "backward"),
            operations=operations,
        )
    ]


def _in_pass(operations: Sequence[Operation], name: str) -> float:
    return sum(operation.time for operation in operations if operation.pass_ == name)


def _cells(row: tuple[LabelledProfile, LayerTime]) -> dict[str, Any]:
    case, layer = row
    return {
        "case": case.profile.name,
        "run": case.label,
        "layer": layer.name,
        "type": layer.type or None,
        "time_s": layer.time,
        "time_share": layer.share,
        "forward_s": layer.forward,
        "backward_s": layer.backward,
        "host_s": layer.host,
        **layer.model_dump(include={*_WORK, _TENSOR_CORES}),
        "kinds": kinds_text(layer) or None,
    }


def kinds_text(layer: LayerTime) -> str:
    """Return the shares of a layer's time by kind of work: `convolution 90 %, element-wise 10 %`."""
    kinds = kinds_of([layer])
    total = sum(kinds.values())
    return ", ".join(f"{kind} {time / total:.0%}".replace("%", " %") for kind, time in kinds.items()) if total else ""


def _absence(row: tuple[LabelledProfile, LayerTime], key: str) -> Absence | None:
    """Why a cell has no value: the row is no layer, or the profile's own reason."""
    case, layer = row
    not_measured = case.profile.not_measured
    if key == "host_s":
        return Absence("not known", not_measured.get("host", "the host launches the step as a whole"))
    if key == _TENSOR_CORES:
        return Absence("not known", "no kernel of it says whether it uses tensor cores")
    if key not in _WORK:
        return None
    if layer.name.startswith("("):
        return Absence("no layer", "the row is not one layer")
    if layer.flops is None and key in ("flops", "flops_share"):
        fused = any(other.type.startswith("one fusion") for other in case.profile.layers)
        return Absence("not counted", "computed in one fusion with other layers, or not countable" if fused else "")
    if layer.flops == 0 and key in ("flops_per_s", "ceiling_share"):
        return Absence("none", "the layer has no products to count")
    return Absence("not measured", not_measured.get(key, ""))
