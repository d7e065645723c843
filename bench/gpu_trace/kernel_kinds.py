"""What a kernel computes, and whether tensor cores do it: by its name, in the vocabularies of the libraries.

cuDNN, cuBLAS, CUTLASS, ATen, Eigen, XLA, Triton, NCCL; MIOpen, Tensile and RCCL of AMD.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

KernelKind = Literal[
    "matrix product",
    "convolution",
    "normalisation",
    "element-wise",
    "reduction",
    "copy",
    "collective",
    "optimizer",
    "other",
]

# The first match decides; names are in lower case.
_KINDS: tuple[tuple[KernelKind, str], ...] = (
    ("collective", r"nccl|rccl|nvshmem|msccl|all_?reduce|all_?gather|reduce_?scatter|all_?to_?all|cross_device_reduce"),
    ("element-wise", r"^triton_poi_"),
    ("normalisation", r"^triton_(?:red|per)_\w*(?:norm|var_mean)"),
    ("reduction", r"^triton_(?:red|per)_"),
    ("convolution", r"^triton_tem_\w*conv(?!er[ts])"),
    ("matrix product", r"^triton_tem_"),
    (
        "optimizer",
        r"multi_tensor_apply|fusedoptimizer|fused_optim|adam|adagrad|adadelta|rmsprop|(?<![a-z])lamb(?!da)"
        r"|(?<![a-z])sgd|apply(?:gradientdescent|momentum|adam|ftrl)",
    ),
    ("copy", r"nchwtonhwc|nhwctonchw|direct_copy|fillfunctor|batchedcopy|bfloat16_copy|float16_copy|index_elementwise"),
    (
        "normalisation",
        r"bn_(?:fw|bw)|(?:batch|layer|group|instance|rms)_?norm|rowwisemoments|gammabeta|welford|local_response|(?<![a-z])lrn",
    ),
    (
        "convolution",
        r"conv(?!er[ts])|[dw]grad|fprop|[shi]?cudnn_\d|scudnn|winograd|implicit_?gemm|fft2d|im2col|col2im|cask_cudnn"
        r"|cutlass_cudnn|computeoffsets|miopen|igemm_fwd|naive_conv",
    ),
    (
        "matrix product",
        r"gemm|gemv|matmul|cutlass|cublas|splitkreduce|nvjet|wgmma|(?<![a-z])dot_kernel|flash_|fmha|attention|cijk_"
        r"|epilogue::impl",
    ),
    (
        "reduction",
        r"reduce|reduction|softmax|arg_?max|arg_?min|pool|top_?k|radix_?sort|scan|cumsum|nll_loss|deviceselect",
    ),
    (
        "copy",
        r"copy|concat|catarray|transpos|permut|gather|scatter|index_?(?:put|select|fill|add)|embedding|fill(?!philox)"
        r"|slic|broadcastingop|shufflingop|paddingop|(?<![a-z])(?:roll|flip|tile|pad)(?![a-z])",
    ),
    (
        "element-wise",
        r"elementwise|element_wise|pointwise|eigenmetakernel|relu|gelu|silu|sigmoid|tanh|dropout|functor|philox"
        r"|distribution|scalepackedtensor|addtensor|op_tensor|bias|(?:^|_)fusion|^wrapped_|unrolled",
    ),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
# An instruction's shape in the name, s1688 or tensor16x8x8, an instruction's name, or a family without another form.
_TENSOR_CORES = re.compile(
    r"tensor_?op|tensor\d+x\d+x\d+|[a-z_](?:884|1688|16816|16832|161616)|[hiqwbgd]mma|wmma|gmma|tcgen05|nvjet|flash_fwd|flash_bwd"
    r"|fmha|cijk_\w*_mi\d"
)
_NO_TENSOR_CORES = re.compile(
    r"simt|(?<![a-z\d])[sdcz]gemm|gcgemm|scudnn|ffma|fft|winograd|gemvx?|(?:dgrad|wgrad_alg\d)_engine"
)
_FUNCTOR = re.compile(
    r"\b((?!gpu_kernel)\w*(?:Functor\w*|Ops|_kernel_cuda|_kernel_impl)|launch_\w+"
    r"|scalar_(?!left|right)\w+|Tensor(?!Assign|Cwise)\w+Op)\b"
)


@cache
def kernel_kind(name: str) -> KernelKind:
    """The kind of a kernel's work; `other` where the name says nothing."""
    text = name.lower()
    return next((kind for kind, pattern in _COMPILED if pattern.search(text)), "other")


@cache
def tensor_cores(name: str) -> bool | None:
    """Whether a matrix product or convolution runs on tensor cores; `None` if its name does not say, or for others."""
    if kernel_kind(name) not in ("matrix product", "convolution"):
        return None
    text = name.lower()
    if _TENSOR_CORES.search(text):
        return True
    return False if _NO_TENSOR_CORES.search(text) else None


@cache
def short_name(name: str) -> str:
    """A demangled name without its arguments: `vectorized_elementwise_kernel[CUDAFunctor_add]`."""
    plain = name.removeprefix("void ").replace("(anonymous namespace)::", "")
    bare, inner = _without_templates(plain)
    bare = bare.split("(", 1)[0].strip().rpartition("::")[2]
    if bare in ("Kernel", "Kernel2") and inner:
        return _without_templates(inner)[0].split(",", 1)[0].strip().rpartition("::")[2] or bare
    found = _FUNCTOR.search(inner) if inner else None
    return f"{bare}[{found[1]}]" if found and bare else bare or name


def _without_templates(text: str) -> tuple[str, str]:
    """The text outside of angle brackets, and the first that stood within."""
    outside: list[str] = []
    depth, first, begin = 0, "", 0
    for place, character in enumerate(text):
        if character == "<":
            begin = place + 1 if depth == 0 else begin
            depth += 1
        elif character == ">" and depth:
            depth -= 1
            first = first or (text[begin:place] if depth == 0 else "")
        elif depth == 0:
            outside.append(character)
    return "".join(outside), first
