"""Instructions of a compiled program and the layers they are for."""

from __future__ import annotations

# ruff: noqa: E501  # lines of a program as XLA writes them
import pytest

from anatomy.bench.profiling.hlo_reader import hlo_event_reader
from anatomy.bench.profiling.hlo_work import instruction_work, scopes_of
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.profile_tables import make_profile
from anatomy.bench.profiling.trace_events import Interval, Trace, TraceEvent, Work
from anatomy.bench.records.case_profile import OPTIMIZER
from anatomy.bench.xla.xspace import Event

TEXT = """HloModule jit_step, is_scheduled=true

%fused (p0: f32[8,4], p1: f32[4,4]) -> f32[8,4] {
  %p0 = f32[8,4]{1,0} parameter(0)
  %p1 = f32[4,4]{1,0} parameter(1)
  %dot.1 = f32[8,4]{1,0} dot(%p0, %p1), lhs_contracting_dims={1}, rhs_contracting_dims={0}, metadata={op_name="jit(step)/jvp(first__L4_anatomy)/dot_general"}
  ROOT %max.1 = f32[8,4]{1,0} maximum(%dot.1, %dot.1), metadata={op_name="jit(step)/jvp(second__L5_anatomy)/jit(relu)/max"}
}

%body (b: (s32[], f32[8,4])) -> (s32[], f32[8,4]) {
  %b = (s32[], f32[8,4]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%b), index=0
  %v = f32[8,4]{1,0} get-tuple-element(%b), index=1
  %t = f32[8,4]{1,0} tanh(%v)
  ROOT %out = (s32[], f32[8,4]{1,0}) tuple(%i, %t)
}

%cond (c: (s32[], f32[8,4])) -> pred[] {
  %c = (s32[], f32[8,4]{1,0}) parameter(0)
  %j = s32[] get-tuple-element(%c), index=0
  ROOT %less = pred[] compare(%j, %j), direction=LT
}

ENTRY %main (x: f32[8,4], w: f32[4,4], m: f32[4,4]) -> f32[4,4] {
  %x = f32[8,4]{1,0} parameter(0), metadata={op_name="data[0]"}
  %w = f32[4,4]{1,0} parameter(1), metadata={op_name="state[0][0]"}
  %m = f32[4,4]{1,0} parameter(2), metadata={op_name="state[2][0]"}
  %copy.1 = f32[4,4]{1,0} copy(%w)
  %fusion.1 = f32[8,4]{1,0} fusion(%x, %copy.1), kind=kLoop, calls=%fused, metadata={op_name="jit(step)/jvp(second__L5_anatomy)/jit(relu)/max"}
  %zero = s32[] constant(0)
  %start = (s32[], f32[8,4]{1,0}) tuple(%zero, %fusion.1)
  %while.1 = (s32[], f32[8,4]{1,0}) while(%start), condition=%cond, body=%body, metadata={op_name="jit(step)/jvp(second__L5_anatomy)/while"}
  %last = f32[8,4]{1,0} get-tuple-element(%while.1), index=1
  %back = f32[8,4]{1,0} multiply(%last, %fusion.1), metadata={op_name="jit(step)/transpose(jvp(second__L5_anatomy))/mul"}
  %grad.1 = f32[4,4]{1,0} dot(%x, %back), lhs_contracting_dims={0}, rhs_contracting_dims={0}
  %slot = f32[4,4]{1,0} add(%m, %grad.1), metadata={op_name="jit(step)/optimizer__L3_anatomy/add"}
  ROOT %new = f32[4,4]{1,0} subtract(%copy.1, %slot), metadata={op_name="jit(step)/optimizer__L3_anatomy/sub"}
}
"""


@pytest.fixture
def layers() -> LayerIndex:
    rows = [LayerEntry("first", "Dense", None, 1, 1), LayerEntry("second", "LSTM", "recurrent", 1, 1)]
    return LayerIndex(rows)


def test_the_marks_in_the_text_are_the_models(layers: LayerIndex) -> None:
    assert [layers.mark(name) for name in ("first", "second", OPTIMIZER)] == [
        "first__L4_anatomy",
        "second__L5_anatomy",
        "optimizer__L3_anatomy",
    ]


def test_each_instruction_has_its_layer(layers: LayerIndex) -> None:
    found = {name: work for name, (work, _) in instruction_work(TEXT, layers, {"state[0][0]": "first"}).items()}
    fused = found["fusion.1"]
    # The product in it is the heaviest, whatever XLA named the fusion by.
    assert (fused.layer, fused.kind, fused.name, fused.fused) == ("first", "matrix product", "fusion(dot, maximum)", 2)
    # A copy belongs to what uses it.
    assert found["copy.1"].layer == "first"
    # The gradient goes to the layer whose weight is updated with it, though its operand is another layer's.
    assert (found["grad.1"].layer, found["grad.1"].pass_) == ("first", "backward")
    assert (found["back"].layer, found["back"].pass_, found["back"].kind) == ("second", "backward", "recurrent")
    assert (found["new"].layer, found["new"].pass_, found["new"].kind) == (OPTIMIZER, "update", "optimizer")
    # What is in a loop without scopes of its own is the loop's.
    assert found["t"].layer == "second"


TOGETHER = """HloModule jit_step, is_scheduled=true

%fused (p0: f32[8,4], p1: f32[4,4]) -> f32[8,4] {
  %p0 = f32[8,4]{1,0} parameter(0)
  %p1 = f32[4,4]{1,0} parameter(1)
  %dot.1 = f32[8,4]{1,0} dot(%p0, %p1), metadata={op_name="jit(step)/jvp(block/first__L4_anatomy)/dot_general"}
  %max.1 = f32[8,4]{1,0} maximum(%dot.1, %dot.1), metadata={op_name="jit(step)/jvp(block/first__L4_anatomy)/max"}
  ROOT %dot.2 = f32[8,4]{1,0} dot(%max.1, %p1), metadata={op_name="jit(step)/jvp(block/second__L5_anatomy)/dot_general"}
}

ENTRY %main (x: f32[8,4], w: f32[4,4]) -> f32[8,4] {
  %x = f32[8,4]{1,0} parameter(0), metadata={op_name="data[0]"}
  %w = f32[4,4]{1,0} parameter(1), metadata={op_name="state[0][0]"}
  ROOT %fusion.1 = f32[8,4]{1,0} fusion(%x, %w), kind=kCustom, calls=%fused
}
"""


def test_a_fusion_of_several_layers_is_work_of_them_all() -> None:
    rows = [LayerEntry(f"block/{name}", "Dense", None, flops, 1) for name, flops in (("first", 30), ("second", 12))]
    layers = LayerIndex([*rows, LayerEntry("third", "Dense", None, 58, 1)])
    work, _ = instruction_work(TOGETHER, layers)["fusion.1"]
    assert (work.layer, work.kind, work.fused) == ("block/first + second", "matrix product", 3)
    assert layers.joints == {"block/first + second": ("block/first", "block/second")}
    entry = layers.entries["block/first + second"]
    assert (entry.type, entry.flops, entry.moved_bytes) == ("one fusion of 2 layers", 42, None)
    # Where it ran, the FLOPs are in its row and not in those of its layers; shares are of all of them.
    event = TraceEvent(0.0, 0.8, work)
    other = TraceEvent(0.8, 1.0, Work("block/first", "add", "element-wise", "forward"))
    trace = Trace(steps=[Interval(0.0, 1.0)], events=[event, other])
    found = {row.name: row for row in make_profile(trace, layers, [1.0], 1, 1.0, None).layers}
    assert (found["block/first + second"].flops, found["block/first + second"].flops_share) == (42, 0.42)
    assert (found["block/first"].flops, found["block/first"].flops_share) == (None, None)


def test_flops_of_layers_that_were_computed_together_and_apart_are_not_known() -> None:
    """Forward in one fusion, backward each by itself: what is counted for both cannot be divided."""
    layers = LayerIndex([LayerEntry("first", "Dense", None, 30, 1), LayerEntry("second", "Dense", None, 12, 1)])
    works = [
        Work(layers.joint({"first", "second"}), "fusion", "matrix product", "forward"),
        Work("first", "dot", "matrix product", "backward"),
    ]
    events = [TraceEvent(0.5 * n, 0.5 * (n + 1), work) for n, work in enumerate(works)]
    trace = Trace(steps=[Interval(0.0, 1.0)], events=events)
    rows = make_profile(trace, layers, [1.0], 1, 1.0, None).layers
    assert {row.name: row.flops for row in rows} == {"first + second": None, "first": None}


def test_a_fusion_has_the_pass_of_its_products(layers: LayerIndex) -> None:
    recomputed = TOGETHER.replace("jvp(block/first", "transpose(jvp(block/first").replace(
        "jvp(block/second", "transpose(jvp(block/second"
    )
    index = LayerIndex([LayerEntry(name, "Dense", None, 1, 1) for name in ("first", "second")])
    assert instruction_work(recomputed, index)["fusion.1"][0].pass_ == "backward"


def test_without_weights_a_gradient_is_still_no_work_of_the_optimizer(layers: LayerIndex) -> None:
    assert instruction_work(TEXT, layers)["grad.1"][0].layer == "second"


def test_loops_hold_others(layers: LayerIndex) -> None:
    assert [name for name, (_, holds) in instruction_work(TEXT, layers).items() if holds] == ["while.1"]


@pytest.mark.parametrize(
    ("op_name", "scopes", "pass_"),
    [
        ("jit(step)/jvp(conv1)/conv_general_dilated", ["conv1"], "forward"),
        ("jit(step)/transpose(jvp(conv1))/mul", ["conv1"], "backward"),
        ("jit(step)/jvp(encoder)/conv1/jit(relu)/max", ["encoder", "conv1"], "forward"),
        ("jit(step)/jvp(encoder/conv1)/max", ["encoder", "conv1"], "forward"),
        ("jit(step)/add", [], "forward"),
        ("", [], "forward"),
    ],
)
def test_scopes_of_an_operations_name(op_name: str, scopes: list[str], pass_: str) -> None:
    assert scopes_of(op_name) == (scopes, pass_)


def test_events_become_activities(layers: LayerIndex) -> None:
    read = hlo_event_reader(TEXT, layers)
    known = read(Event("fusion.1", 1e9, 5e8, {"hlo_op": "fusion.1"}), 2.5)
    assert known is not None
    assert (known.start, known.end, known.work.layer, known.level) == (1.0, 2.5, "first", "operation")
    loop = read(Event("while.1", 0, 1, {"hlo_op": "while.1"}), 1.0)
    assert loop is not None
    assert loop.level == "container"
    stranger = read(Event("copy.7", 0, 1, {"hlo_op": "copy.7"}), 1.0)
    assert stranger is not None
    assert (stranger.work.layer, stranger.work.name, stranger.work.kind) == (None, "copy", "data movement")
    assert read(Event("ThunkExecutor::Execute", 0, 1), 1.0) is None


@pytest.mark.parametrize(
    ("module", "layer"),
    [("jit_step", "first"), ("jit_step(123)", "first"), ("jit_convert_element_type", None), ("jit_step_2", None)],
)
def test_another_programs_instruction_of_the_same_name_is_no_layers(
    layers: LayerIndex, module: str, layer: str | None
) -> None:
    copy = Event("copy.1", 0, 1, {"hlo_op": "copy.1", "hlo_module": module})
    found = hlo_event_reader(TEXT, layers, {"state[0][0]": "first"})(copy, 1.0)
    assert found is not None
    assert (found.work.layer, found.work.name) == (layer, "copy")


def test_the_only_program_may_have_another_name(layers: LayerIndex) -> None:
    event = Event("fusion.1", 0, 1, {"hlo_op": "fusion.1", "hlo_module": "a_inference_one_step_on_data_404__.12"})
    found = hlo_event_reader(TEXT, layers, one_program=True)(event, 1.0)
    assert found is not None
    assert found.work.layer == "first"


def test_text_that_is_no_program_is_refused(layers: LayerIndex) -> None:
    with pytest.raises(ValueError, match="ENTRY"):
        instruction_work("nothing", layers)
