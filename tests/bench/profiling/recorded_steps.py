"""Traces of training steps made by hand, in the forms of torch's profiler and of XLA's, whose attribution is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anatomy.bench.gpu_trace.kineto_file import read_kineto
from anatomy.bench.gpu_trace.recorded_work import RecordedTrace
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.trace_events import LAUNCH, STEP, Trace, TraceEvent
from anatomy.bench.records.case_profile import LOSS, OPTIMIZER
from tests.bench.gpu_trace.hand_made import write_kineto

CONV = "sm80_xmma_fprop_implicit_gemm_f16f16_f16f32_f32_nhwckrsc_nhwc_tilesize128x128x32_stage4_tensor16x8x16_kernel"
WGRAD = "cudnn::cnn::wgrad_alg0_engine<float, 512, 6, 5, 3, 3, 3, false, 512>(int, int, int, float const*)"
LAYOUT = "void cudnn::ops::nchwToNhwcKernel<__half, __half, float, false, true>(cudnn::ops::nchw2nhwc_params_t<float>)"
GEMM = "ampere_sgemm_128x64_nn"
ADD = "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float> >(int)"
SUM = "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float> >(at::native::ReduceOp<float>)"
FOREACH = (
    "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<at::native::FusedOptimizerTensorListMetadata>()"
)
COPY = "Memcpy DtoD (Device -> Device)"

LAYERS = LayerIndex(
    [
        LayerEntry("conv", "Conv2D", None, 6000, 100),
        LayerEntry("norm", "BatchNormalization", "normalisation", 0, 100),
        LayerEntry("dense", "Dense", None, 3000, 100),
    ]
)


class TorchRecording:
    """Events as Kineto writes them; times in microseconds, by default on the main thread."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._launches = 0

    def span(
        self, name: str, start: int, end: int, thread: int = 1, category: str = "user_annotation", **args: Any
    ) -> None:
        """Something that the host did."""
        shown = {"cat": category, "name": name, "pid": 1, "tid": thread, "ts": start, "dur": end - start, "args": args}
        self.events.append({"ph": "X", **shown})

    def layer(self, name: str, start: int, end: int) -> None:
        """The call of a layer, marked."""
        self.span(LAYERS.mark(name), start, end)

    def operation(self, name: str, start: int, end: int, thread: int = 1, **args: Any) -> None:
        """An operation; `sequence` is autograd's number."""
        if "sequence" in args:
            args["Sequence number"] = args.pop("sequence")
        self.span(name, start, end, thread, "cpu_op", **args)

    def node(self, name: str, start: int, end: int, sequence: int = -1) -> None:
        """A node of autograd, in its own thread."""
        further = {"sequence": sequence, "Fwd thread id": 1} if sequence >= 0 else {}
        self.operation(f"autograd::engine::evaluate_function: {name}", start, end, 2, **further)

    def work(self, name: str, launched: int | None, start: int, end: int, thread: int = 1, **args: Any) -> None:
        """A kernel or a copy, and its launch unless that was not recorded."""
        self._launches += 1
        facts = {"device": 0, "stream": 7, "correlation": self._launches, **args}
        category = "gpu_memcpy" if name.startswith("Memcpy") else "kernel"
        self.events.append(
            {
                "ph": "X",
                "cat": category,
                "name": name,
                "pid": 0,
                "tid": 7,
                "ts": start,
                "dur": end - start,
                "args": facts,
            }
        )
        if launched is not None:
            self.span("cudaLaunchKernel", launched, launched + 1, thread, "cuda_runtime", correlation=self._launches)

    def read(self, folder: Path) -> RecordedTrace:
        """As the reader gives it."""
        return read_kineto(write_kineto(folder / "kineto.json", self.events))


def training_step() -> TorchRecording:
    """A step of 400 µs on a convolution, a normalisation and a dense layer."""
    made = TorchRecording()
    made.span(STEP, 0, 400)
    made.span(LAUNCH, 5, 320)
    made.layer("conv", 10, 40)
    made.operation("aten::conv2d", 12, 38, sequence=4)
    made.operation("aten::cudnn_convolution", 14, 36, sequence=5)
    made.work(LAYOUT, 16, 30, 34)
    made.work(CONV, 20, 40, 60)
    made.layer("norm", 40, 55)
    made.operation("aten::batch_norm", 42, 54, sequence=5)
    made.work(ADD, 45, 60, 66)
    made.layer("dense", 55, 80)
    made.operation("aten::to", 56, 58, sequence=6)
    made.operation("aten::addmm", 60, 78, sequence=6)
    made.work(GEMM, 65, 80, 100)
    made.layer(LOSS, 80, 100)
    made.operation("aten::sum", 82, 98, sequence=7)
    made.work(SUM, 85, 100, 104)
    # Backward, in autograd's thread, in the opposite order.
    made.node("SumBackward0", 110, 120, 7)
    made.work(ADD, 112, 130, 132, thread=2)
    made.node("AddmmBackward0", 120, 150, 6)
    made.operation("aten::mm", 125, 135, 2)
    made.work(GEMM, 128, 140, 160, thread=2)
    made.node("torch::autograd::AccumulateGrad", 150, 160)
    made.work(COPY, 152, 160, 163, thread=2, bytes=4096)
    made.node("CudnnBatchNormBackward0", 160, 175, 5)
    made.work(SUM, 165, 180, 186, thread=2)
    made.node("ConvolutionBackward0", 175, 210, 4)
    made.work(WGRAD, 190, 210, 250, thread=2)
    made.layer(OPTIMIZER, 220, 300)
    made.operation("aten::_foreach_add_", 240, 290, sequence=8)
    made.work(FOREACH, 270, 285, 295)
    # The step waits, and reads its loss.
    made.operation("aten::copy_", 340, 380)
    made.work("Memcpy DtoH (Device -> Pageable)", 345, 350, 352, bytes=4)
    return made


def found(trace: Trace) -> list[tuple[str | None, str, str, str]]:
    """Layer, name, kind and pass of each piece of work of the device, in order of its beginning."""
    events: list[TraceEvent] = sorted((one for one in trace.events if one.level != "host"), key=lambda one: one.start)
    return [(one.work.layer, one.work.name, one.work.kind, one.work.pass_) for one in events]
