"""Kinds, tensor cores and short names of kernels of each library."""

from __future__ import annotations

import pytest

from anatomy.bench.gpu_trace.kernel_kinds import kernel_kind, short_name, tensor_cores

_ADD = (
    "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>, at::detail::Array<3> >"
    "(int, at::native::CUDAFunctor_add<float>, at::detail::Array<char*, 3>)"
)
_COPY = (
    "void at::native::elementwise_kernel<128, 4, at::native::gpu_kernel_impl<at::native::direct_copy_kernel_cuda("
    "at::TensorIteratorBase&)::{lambda()#3}>(at::TensorIteratorBase&)::{lambda(int)#1}>(int)"
)
_CUTLASS = "void cutlass::Kernel<cutlass_80_tensorop_s1688gemm_64x64_16x6_tn_align4>(cutlass_80_tensorop::Params)"


@pytest.mark.parametrize(
    ("name", "kind", "cores"),
    [
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)", "collective", None),
        ("ncclKernel_Broadcast_RING_LL_Sum_int8_t(ncclDevComm*, unsigned long, ncclWork*)", "collective", None),
        ("volta_sgemm_64x64_nt", "matrix product", False),
        ("volta_fp16_s884gemm_fp16_128x128_ldg8_f2f_nn", "matrix product", True),
        ("turing_h1688gemm_128x128_ldg8_stages_32x1_tn", "matrix product", True),
        ("ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_stages_32x5_tn", "matrix product", True),
        (
            "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize64x64x64_execute_kernel__5x_cublas",
            "matrix product",
            None,
        ),
        ("nvjet_hsh_128x256_64x4_2x1_v_bz_coopA_NNT", "matrix product", True),
        ("void cutlass::Kernel<cutlass_80_simt_sgemm_128x32_8x5_nn_align1>(int)", "matrix product", False),
        (_CUTLASS, "matrix product", True),
        (
            "void gemv2T_kernel_val<int, int, float, float, float, float, 128, 16, 4, 4, false>(int)",
            "matrix product",
            False,
        ),
        (
            "void pytorch_flash::flash_fwd_kernel<pytorch_flash::Flash_fwd_kernel_traits<64> >(int)",
            "matrix product",
            True,
        ),
        ("Cijk_Ailk_Bljk_BBS_BH_MT128x128x64_MI16x16x16x1_SN", "matrix product", True),
        ("void splitKreduce_kernel<32, 16, int, float>(cublasSplitKParams<float>)", "matrix product", None),
        (
            "sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32_nhwckrsc_nhwc_tilesize64x128x32_stage5_tensor16x8x8_x",
            "convolution",
            True,
        ),
        ("cudnn_infer_volta_scudnn_128x64_relu_medium_nn_v1", "convolution", False),
        ("void cudnn::winograd_nonfused::winogradForwardOutput4x4<float, float>(int)", "convolution", False),
        ("void cudnn::cnn::wgrad2d_grouped_direct_kernel<float>(int)", "convolution", None),
        ("void cudnn::bn_bw_1C11_kernel_new<float, float, float2, 128, true, 1>(float)", "normalisation", None),
        (
            "void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float, float>(int)",
            "normalisation",
            None,
        ),
        ("triton_per_fused_native_layer_norm_3", "normalisation", None),
        ("triton_poi_fused_convolution_relu_0", "element-wise", None),
        ("triton_red_fused_sum_1", "reduction", None),
        ("triton_tem_fused_mm_7", "matrix product", None),
        (_ADD, "element-wise", None),
        ("void at::native::(anonymous namespace)::fused_dropout_kernel_vec<float>(int)", "element-wise", None),
        ("loop_multiply_fusion_3", "element-wise", None),
        ("input_reduce_fusion", "reduction", None),
        (
            "void (anonymous namespace)::softmax_warp_forward<float, float, float, 10, true, false>(float*)",
            "reduction",
            None,
        ),
        (
            "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, at::native::MeanOps<float> > >(int)",
            "reduction",
            None,
        ),
        (
            "void at::native::(anonymous namespace)::max_pool_backward_nchw<float, float>(float const*)",
            "reduction",
            None,
        ),
        (_COPY, "copy", None),
        ("void cudnn::ops::nchwToNhwcKernel<float, float, float, false, true>(int)", "copy", None),
        ("void at::native::(anonymous namespace)::CatArrayBatchedCopy_aligned16_contig<int>(int)", "copy", None),
        ("void at::native::vectorized_gather_kernel<16, long>(char*)", "copy", None),
        (
            "void at::native::multi_tensor_apply_kernel<at::native::FusedOptimizerTensorListMetadata<4> >(int)",
            "optimizer",
            None,
        ),
        ("ApplyAdamKernel", "optimizer", None),
        ("void at::native::elementwise_kernel<128, 2, {lambda(int)#1}>(int)", "element-wise", None),
        ("my_own_kernel(float*)", "other", None),
    ],
)
def test_a_kernel_is_known_by_its_name(name: str, kind: str, cores: bool | None) -> None:
    assert kernel_kind(name) == kind
    assert tensor_cores(name) is cores


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (_ADD, "vectorized_elementwise_kernel[CUDAFunctor_add]"),
        (_COPY, "elementwise_kernel[direct_copy_kernel_cuda]"),
        (_CUTLASS, "cutlass_80_tensorop_s1688gemm_64x64_16x6_tn_align4"),
        ("void (anonymous namespace)::softmax_warp_forward<float, 10>(float*, int)", "softmax_warp_forward"),
        ("volta_sgemm_64x64_nt", "volta_sgemm_64x64_nt"),
        (
            "void Eigen::EigenMetaKernel<Eigen::TensorEvaluator<Eigen::TensorAssignOp<Eigen::TensorMap<float>, "
            "Eigen::TensorCwiseUnaryOp<Eigen::internal::scalar_right<float, Eigen::internal::scalar_product_op<float> "
            "> > > > >(int)",
            "EigenMetaKernel[scalar_product_op]",
        ),
        (
            "void EigenMetaKernel<Eigen::TensorAssignOp<Eigen::TensorConversionOp<float> > >(int)",
            "EigenMetaKernel[TensorConversionOp]",
        ),
        ("", ""),
        ("<", "<"),
        ("operator>", "operator>"),
    ],
)
def test_a_short_name_leaves_types_out(name: str, short: str) -> None:
    assert short_name(name) == short
