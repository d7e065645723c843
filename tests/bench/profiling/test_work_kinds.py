"""Kinds of work, in the vocabulary of each backend."""

from __future__ import annotations

import pytest

from anatomy.bench.profiling.work_kinds import heaviest, is_remapped, kind_of, kind_of_operation
from anatomy.bench.records.case_profile import OPTIMIZER, Kind

NAMES: dict[Kind, str] = {
    "convolution": "convolution Conv2D _MklNativeFusedConv2D _MklNativeConv2DBackpropInput aten::conv2d"
    " ConvolutionBackward0 aten::mkldnn_convolution DepthwiseConv2dNative",
    "matrix product": "dot MatMul _FusedMatMul BatchMatMulV2 Einsum aten::addmm aten::mm aten::bmm aten::linear"
    " AddmmBackward0 MmBackward0 BmmBackward0 __onednn$matmul aten::matmul",
    "recurrent": "aten::lstm CudnnRNN aten::gru",
    "normalisation": "FusedBatchNormV3 aten::native_batch_norm NativeBatchNormBackward0 aten::layer_norm LRN",
    "reduction": "reduce reduce-window select-and-scatter MaxPool AvgPoolGrad aten::max_pool2d Sum Mean"
    " MaxPool2DWithIndicesBackward0 SumBackward0 aten::softmax Softmax ArgMax BiasAddGrad",
    "data movement": "copy _Send _Recv transpose concatenate slice dynamic-slice dynamic-update-slice gather scatter"
    " pad reshape broadcast iota reverse ConcatV2 Transpose StridedSlice Tile aten::permute aten::contiguous aten::cat"
    " CatBackward0 PermuteBackward0 aten::to AccumulateGrad ReadVariableOp AssignVariableOp GatherV2 aten::select"
    " SelectBackward0 TensorListStack Identity Pack Unpack aten::chunk",
    "element-wise": "add multiply exponential tanh maximum compare convert select Relu ReluGrad Mul AddV2 BiasAdd"
    " Select SelectV2 aten::relu AddBackward0 ReluBackward0 aten::where WhereBackward0 Cast aten::clip"
    " Conversion ConvertLike",
    "communication": "all-reduce all-gather reduce-scatter CollectiveReduceV2 NcclAllReduce c10d::allreduce_",
}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for kind, names in NAMES.items() for name in names.split()])
def test_the_kind_of_an_operation(name: str, kind: Kind) -> None:
    assert kind_of_operation(name) == kind


def test_the_layer_says_more_than_the_name() -> None:
    assert kind_of("dot", "lstm", "recurrent") == "recurrent"
    assert kind_of("multiply", "norm", "normalisation") == "normalisation"
    assert kind_of("Mul", OPTIMIZER, None) == "optimizer"
    assert kind_of("all-reduce", OPTIMIZER, None) == "communication"


def test_the_heaviest_names_what_was_merged() -> None:
    assert heaviest(["element-wise", "data movement", "convolution", "reduction"]) == "convolution"
    assert heaviest([]) == "element-wise"


@pytest.mark.parametrize("name", ["_FusedConv2D", "_MklNativeFusedMatMul", "_FusedBatchNormEx", "_MklFusedMish"])
def test_what_was_merged_is_known_by_its_name(name: str) -> None:
    assert is_remapped(name)


@pytest.mark.parametrize(
    "name",
    ["Conv2D", "FusedBatchNormV3", "FusedBatchNormGradV3", "_MklNativeFusedBatchNormV3", "_MklFusedBatchNormGrad"],
)
def test_one_operation_is_not_merged_whatever_its_name(name: str) -> None:
    assert not is_remapped(name)
