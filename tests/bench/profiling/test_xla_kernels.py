"""Kernels that a compiled program launches belong to the layers of their instructions."""

from __future__ import annotations

# ruff: noqa: E501  # lines of a program as XLA writes them
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.gpu_trace import xspace_file
from anatomy.bench.gpu_trace.recorded_work import TraceFileError
from anatomy.bench.profiling.attribute_gaps import attribute_time
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.tensorflow_work import FETCHING, tensorflow_device_trace
from anatomy.bench.profiling.trace_events import LAUNCH, STEP, Trace
from anatomy.bench.profiling.xla_kernels import xla_device_trace
from anatomy.bench.profiling.xspace_trace import read_device_work
from anatomy.bench.records.case_profile import OPTIMIZER
from anatomy.bench.xla.xspace import Event, Line, load_xspace
from tests.bench.gpu_trace.hand_made import write_xplane
from tests.bench.gpu_trace.test_recorded_traces import FOLDER, TENSORFLOW
from tests.bench.gpu_trace.test_xla_layers import add_program
from tests.bench.profiling.recorded_steps import found

LAYERS = LayerIndex([LayerEntry("first", "Dense", None, 1, 1), LayerEntry("second", "LSTM", "recurrent", 1, 1)])
FIRST, SECOND, UPDATE = LAYERS.mark("first"), LAYERS.mark("second"), LAYERS.mark(OPTIMIZER)
TEXT = f"""HloModule jit_train_step, is_scheduled=true

%fused (p0: f32[8,4], p1: f32[8,4]) -> f32[8,4] {{
  %p0 = f32[8,4]{{1,0}} parameter(0)
  %p1 = f32[8,4]{{1,0}} parameter(1)
  %add.1 = f32[8,4]{{1,0}} add(%p0, %p1), metadata={{op_name="jit(train_step)/jvp({FIRST})/add"}}
  ROOT %max.1 = f32[8,4]{{1,0}} maximum(%add.1, %add.1), metadata={{op_name="jit(train_step)/jvp({FIRST})/max"}}
}}

%command_buffer (a: f32[8,4]) -> f32[8,4] {{
  %a = f32[8,4]{{1,0}} parameter(0)
  ROOT %loop_tanh_fusion.2 = f32[8,4]{{1,0}} tanh(%a), metadata={{op_name="jit(train_step)/jvp({SECOND})/tanh"}}
}}

ENTRY %main (x: f32[8,4], w: f32[4,4], m: f32[4,4]) -> f32[4,4] {{
  %x = f32[8,4]{{1,0}} parameter(0), metadata={{op_name="data[0]"}}
  %w = f32[4,4]{{1,0}} parameter(1), metadata={{op_name="state[0][0]"}}
  %m = f32[4,4]{{1,0}} parameter(2), metadata={{op_name="state[2][0]"}}
  %cublas-gemm.1 = f32[8,4]{{1,0}} custom-call(%x, %w), custom_call_target="__cublas$gemm", metadata={{op_name="jit(train_step)/jvp({FIRST})/dot_general"}}
  %loop_add_fusion.3 = f32[8,4]{{1,0}} fusion(%cublas-gemm.1, %x), kind=kLoop, calls=%fused, metadata={{op_name="jit(train_step)/jvp({FIRST})/max"}}
  %call.1 = f32[8,4]{{1,0}} call(%loop_add_fusion.3), to_apply=%command_buffer
  %cublas-gemm.2 = f32[4,4]{{1,0}} custom-call(%x, %call.1), custom_call_target="__cublas$gemm"
  %slot = f32[4,4]{{1,0}} add(%m, %cublas-gemm.2), metadata={{op_name="jit(train_step)/{UPDATE}/add"}}
  ROOT %new = f32[4,4]{{1,0}} subtract(%w, %slot), metadata={{op_name="jit(train_step)/{UPDATE}/sub"}}
}}
"""
GEMM = "sm80_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x32_stage4_warpsize2x2x1_tensor16x8x16_kernel"
Row = tuple[str | None, str, str, str]


def kernel(name: str, start_us: float, us: float = 5, **facts: Any) -> Event:
    return Event(name, 1000 * start_us, 1000 * us, facts)


def of_step(instruction: str, **facts: Any) -> dict[str, Any]:
    return {"hlo_op": instruction, "hlo_module": "jit_train_step", "program_id": 6, **facts}


def recorded(tmp_path: Path, kernels: Sequence[Event], host: Sequence[Event] = ()) -> Path:
    step = (Event(STEP, 0, 100_000, {"step_num": 0, "_r": 1}), Event(LAUNCH, 1000, 60_000))
    return write_xplane(tmp_path / "host.xplane.pb", [Line("Stream #13(Compute)", tuple(kernels))], (*step, *host))


def attributed(path: Path, **options: Any) -> Trace:
    return xla_device_trace(read_device_work(path), TEXT, LAYERS, {"state[0][0]": "first"}, **options)


def rows(path: Path, **options: Any) -> list[Row]:
    return found(attributed(path, **options))


PRODUCT: Row = ("first", "__cublas$gemm", "matrix product", "forward")
GRADIENT: Row = ("first", "__cublas$gemm", "matrix product", "backward")
FUSION: Row = ("first", "fusion(add, maximum)", "element-wise", "forward")
TANH: Row = ("second", "tanh", "recurrent", "forward")
NEW: Row = (OPTIMIZER, "subtract", "optimizer", "update")


def test_every_kernel_is_at_the_layer_of_its_instruction(tmp_path: Path) -> None:
    path = recorded(
        tmp_path,
        [
            # Two kernels of one instruction; a gradient that has no scope of its own.
            kernel(GEMM, 10, **of_step("cublas-gemm.1")),
            kernel("void cublasLt::splitKreduce_kernel<32, 16>(int)", 16, **of_step("cublas-gemm.1")),
            kernel("loop_add_fusion_3", 22, **of_step("loop_add_fusion.3")),
            kernel("loop_tanh_fusion_2", 28, **of_step("loop_tanh_fusion.2")),
            kernel(GEMM, 34, **of_step("cublas-gemm.2")),
            kernel("loop_add_fusion", 40, **of_step("new")),
            # A program of another name, with the name of an instruction of the step's.
            kernel("threefry", 46, hlo_op="new", hlo_module="jit__threefry_split", program_id=9),
        ],
    )
    assert rows(path) == [PRODUCT, PRODUCT, FUSION, TANH, GRADIENT, NEW, (None, "new", "element-wise", "forward")]
    tensor_cores = [one.work.tensor_cores for one in attributed(path).events]
    assert tensor_cores == [True, None, None, None, True, None, None]


def test_kernels_of_a_cuda_graph_are_known_by_their_names(tmp_path: Path) -> None:
    graph = of_step("call.1")
    path = recorded(
        tmp_path,
        [
            kernel("loop_tanh_fusion_2", 10, **graph),
            kernel("loop_add_fusion_3", 16, correlation_id=4),
            kernel(GEMM, 22, **graph),
        ],
    )
    assert rows(path) == [TANH, FUSION, (None, "call", "matrix product", "forward")]
    (note,) = attributed(path).notes
    assert note.startswith("2 of 3 kernels and copies are known by their kernels' names alone, as in CUDA graphs")


def test_a_kernels_name_that_two_layers_own_is_nobodys(tmp_path: Path) -> None:
    path = recorded(tmp_path, [kernel("loop_add_fusion_3", 10), kernel("loop_tanh_fusion_2", 16)])
    another = '  %loop_add_fusion_3 = f32[8,4]{1,0} tanh(%x), metadata={op_name="jit(train_step)/jvp(LAYER)/tanh"}\n'
    before = "  %call.1 ="
    of_other, of_same = (TEXT.replace(before, another.replace("LAYER", one) + before) for one in (SECOND, FIRST))
    work = read_device_work(path)
    trace = xla_device_trace(work, of_other, LAYERS)
    assert found(trace) == [(None, "loop_add_fusion_3", "element-wise", "forward"), TANH]
    named, shared = trace.notes
    assert named.startswith("1 of 2 kernels and copies are known by their kernels' names alone")
    assert shared.startswith("1 of 2 kernels and copies have a name that stands for instructions of several layers")
    trace = xla_device_trace(work, of_same, LAYERS)
    assert [row[0] for row in found(trace)] == ["first", "second"]
    assert len(trace.notes) == 1


def test_kernels_that_are_known_by_their_instructions_need_no_note(tmp_path: Path) -> None:
    path = recorded(tmp_path, [kernel(GEMM, 10, **of_step("cublas-gemm.1"))])
    assert attributed(path).notes == ()


def test_of_another_compilation_the_traces_own_scopes_count(tmp_path: Path) -> None:
    path = recorded(
        tmp_path,
        [
            kernel("loop_add_fusion_3", 10, hlo_op="loop_add_fusion.3", hlo_module="a_inference_1", program_id=2),
            kernel(GEMM, 16, hlo_op="cublas-gemm.1", hlo_module="a_inference_1", program_id=2),
            kernel(GEMM, 22, hlo_op="cublas-gemm.2", hlo_module="a_inference_1", program_id=2),
            # In a CUDA graph.
            kernel("loop_tanh_fusion_2", 28, hlo_op="call.1", hlo_module="a_inference_1", program_id=2),
            kernel("loop_tanh_fusion_2", 34, correlation_id=4),
        ],
    )
    space = load_xspace(path)
    operations = {
        # There it is an instruction of the other layer's gradient.
        "loop_add_fusion.3": f"transpose(jvp({SECOND}))/mul",
        "cublas-gemm.1": f"jit(train_step)/jvp({FIRST})/dot_general",
    }
    add_program(space, "a_inference_1(2)", operations)
    path.write_bytes(space.SerializeToString())
    # Where the trace has no scopes, the text would guess at instructions of another compilation.
    nobodys = (None, "cublas-gemm", "matrix product", "forward")
    by_scope = ("first", "dot_general", "matrix product", "forward")
    assert rows(path, one_program=True) == [
        ("second", "mul", "recurrent", "backward"),
        by_scope,
        nobodys,
        (None, "call", "element-wise", "forward"),
        (None, "loop_tanh_fusion_2", "element-wise", "forward"),
    ]
    (note,) = attributed(path, one_program=True).notes
    assert note.startswith("3 of 5 kernels and copies have no scopes of a layer in the trace, and the program's text")


@pytest.mark.parametrize("operations", [{"new": f"jit(train_step)/{UPDATE}/mul"}, {"x.7": f"jit(a)/jvp({FIRST})/add"}])
def test_one_instruction_tells_that_the_text_is_another_compilations(
    operations: dict[str, str], tmp_path: Path
) -> None:
    """Also one that the text does not have."""
    kernels = [
        kernel(GEMM, 10, **of_step("cublas-gemm.2")),
        *(kernel("k", 16, **of_step(instruction)) for instruction in operations),
    ]
    path = recorded(tmp_path, kernels)
    assert rows(path)[0] == GRADIENT
    space = load_xspace(path)
    add_program(space, "jit_train_step(6)", operations)
    path.write_bytes(space.SerializeToString())
    assert rows(path)[0][0] is None


@pytest.mark.parametrize(("written", "name"), [("net", "net"), (r"\'a\' \"b\"", "'a' \"b\""), (r"n\303\244me", "näme")])
def test_of_the_same_compilation_the_text_tells_more_than_the_scopes(written: str, name: str, tmp_path: Path) -> None:
    # A copy that an executor's operation made, of no instruction, says nothing of the program.
    copied = kernel("MemcpyH2D", 22, memcpy_details="size:64", annotation="n/_13/_Recv:_Recv")
    named = kernel("loop_tanh_fusion_2", 28)
    kernels = [kernel(GEMM, 10, **of_step("cublas-gemm.1")), kernel(GEMM, 16, **of_step("cublas-gemm.2"))]
    path = recorded(tmp_path, [*kernels, copied, named])
    space = load_xspace(path)
    add_program(space, "jit_train_step(6)", {"cublas-gemm.1": f"jit(train_step)/{name}/jvp({FIRST})/dot_general"})
    path.write_bytes(space.SerializeToString())
    text = TEXT.replace(
        f"jit(train_step)/jvp({FIRST})/dot_general", f"jit(train_step)/{written}/jvp({FIRST})/dot_general"
    )
    trace = xla_device_trace(read_device_work(path), text, LAYERS, {"state[0][0]": "first"})
    assert found(trace) == [PRODUCT, GRADIENT, (None, "MemcpyH2D", "data movement", "forward"), TANH]


def test_gaps_have_their_causes_by_the_launches_on_the_host(tmp_path: Path) -> None:
    calls = [
        Event("cuLaunchKernelEx", 6000, 1000, {"correlation_id": 1}),
        Event("cuLaunchKernelEx", 30_000, 1000, {"correlation_id": 2}),
    ]
    kernels = [
        kernel(GEMM, 10, 10, correlation_id=1, **of_step("cublas-gemm.1")),
        kernel(GEMM, 35, 10, correlation_id=2, **of_step("cublas-gemm.2")),
    ]
    time = attribute_time(attributed(recorded(tmp_path, kernels, calls)))
    assert {cause: round(1e6 * seconds) for cause, seconds in time.idle.items()} == {
        "host-bound": 6 + 10,
        "launch": 4 + 5,
        # To the end of the launch's annotation, and behind it.
        "unknown": 55,
    }
    assert {gap: round(1e6 * seconds) for gap, seconds in time.gaps.items()} == {
        "host_dispatch": 25 + 16,
        "device_compute": 20,
        "idle": 39,
    }


def test_a_trace_without_kernels_says_what_is_missing(tmp_path: Path) -> None:
    path = recorded(tmp_path, [])
    with pytest.raises(NotImplementedError, match=r"recorded no work of the GPU .*CUPTI"):
        read_device_work(path)


def test_a_trace_that_cannot_be_read_keeps_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recorded(tmp_path, [kernel(GEMM, 10)])
    monkeypatch.setattr(xspace_file, "LARGEST_BYTES", 10)
    with pytest.raises(TraceFileError, match="can be read; record fewer steps") as caught:
        read_device_work(path)
    assert "CUPTI" not in str(caught.value)


def of_operation(place: str, type_: str, start_us: float, kernel_name: str = GEMM, **facts: Any) -> Event:
    name = f"{place}/{type_}:{type_}"
    return kernel(kernel_name, start_us, **{"annotation": f"{name}#shape=(float[8,4])#", **facts})


def test_tensorflows_kernels_are_at_the_layer_of_their_operation(tmp_path: Path) -> None:
    copied: dict[str, Any] = {"memcpy_details": "kind_src:pageable size:64"}
    path = recorded(
        tmp_path,
        [
            of_operation(f"net_1/{FIRST}_1/first_1", "MatMul", 10),
            of_operation(f"net_1/{FIRST}_1/first_1", "BiasAdd", 16, "void tensorflow::BiasNHWCKernel<float>(int)"),
            of_operation(f"gradient_tape/net_1/{SECOND}/lstm", "MatMul", 22),
            of_operation(UPDATE, "AssignAddVariableOp", 28, "void Eigen::internal::EigenMetaKernel<float>(int)"),
            kernel("MemcpyH2D", 34, **copied, annotation=f"{FETCHING}:{FETCHING}"),
            of_operation("n/_13", "_Recv", 40, "MemcpyH2D", **copied),
            kernel("void cub::DeviceScan<float>(int)", 46),
        ],
    )
    assert found(tensorflow_device_trace(read_device_work(path, FETCHING), LAYERS)) == [
        ("first", "MatMul", "matrix product", "forward"),
        ("first", "BiasAdd", "element-wise", "forward"),
        ("second", "MatMul", "recurrent", "backward"),
        (OPTIMIZER, "AssignAddVariableOp", "optimizer", "update"),
        (None, "_Recv", "data movement", "forward"),
        (None, "DeviceScan", "reduction", "forward"),
    ]


def test_drawing_a_batch_within_the_graph_is_waiting(tmp_path: Path) -> None:
    draw = Event(f"{FETCHING}:{FETCHING}", 2000, 20_000, display_name=FETCHING)
    path = recorded(tmp_path, [kernel(GEMM, 40, 20)], [draw])
    time = attribute_time(tensorflow_device_trace(read_device_work(path, FETCHING), LAYERS))
    assert round(1e6 * time.gaps["input_wait"]) == 20


@pytest.mark.long
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded traces in {FOLDER}")
def test_nearly_every_recorded_kernel_of_tensorflow_has_its_operation() -> None:
    """Of a model without marks: the operations' own names are those that the profile shows."""
    work = read_device_work(FOLDER / TENSORFLOW).work
    events = tensorflow_device_trace(read_device_work(FOLDER / TENSORFLOW), LAYERS).events
    kernels = [event for one, event in zip(work, events, strict=True) if one.type == "kernel"]
    named = sum(":" in one.operation for one in work if one.type == "kernel")
    assert named >= 0.99 * len(kernels)
    # Every name is one of an operation, not of a kernel.
    assert {event.work.name for event in kernels} <= {one.operation.rpartition(":")[2] for one in work}
