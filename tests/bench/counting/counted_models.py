"""Small models, at least one for each rule of counting; `test_counted_models.py` has their figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops


class Own(layers.Layer):
    """A layer of a user: weights of these shapes, layers, and what its call does with them."""

    def __init__(self, work: Callable[[Any, Any], Any], *shapes: Sequence[int], parts: Sequence[Any] = ()) -> None:
        super().__init__()
        self.work, self.shapes, self.parts = work, shapes, list(parts)

    def build(self, input_shape: Any) -> None:
        self.w = [self.add_weight(shape=shape, name=f"w{place}") for place, shape in enumerate(self.shapes)]

    def call(self, inputs: Any) -> Any:
        return self.work(self, inputs)


def on(shape: Sequence[int | None], *stack: Any, dtype: str = "float32") -> keras.Model:
    """The layers, or functions of a tensor, one after the other."""
    x = inputs = keras.Input(shape, dtype=dtype)
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x)


def depthwise() -> keras.Model:
    return on((13, 13, 512), layers.DepthwiseConv2D(7, padding="same"))


def depthwise_dilated() -> keras.Model:
    return on((12, 14, 4), layers.DepthwiseConv2D(3, depth_multiplier=3, dilation_rate=2))


def depthwise_by_groups() -> keras.Model:
    first = layers.Conv2D(24, 3, padding="same", use_bias=False)
    return on((16, 16, 3), first, layers.Conv2D(24, 3, padding="same", groups=24, use_bias=False))


def strided() -> keras.Model:
    return on((15, 17, 3), layers.Conv2D(8, 3, strides=2))


def grouped() -> keras.Model:
    return on((10, 10, 8), layers.Conv2D(12, 3, groups=4, padding="same"))


def padded() -> keras.Model:
    return on((4, 4, 1), layers.Conv2D(2, 2, padding="same", use_bias=False))


def transposed() -> keras.Model:
    return on((3, 5, 7), layers.Conv2DTranspose(4, 2, strides=2))


def transposed_to_one_channel() -> keras.Model:
    return on((1, 1, 40), layers.Conv2DTranspose(1, 3))


def separable() -> keras.Model:
    return on((9, 11, 7), layers.SeparableConv2D(5, 3, padding="same", depth_multiplier=2))


def upsampled() -> keras.Model:
    return on((12, 12, 4), layers.UpSampling2D(2, interpolation="bilinear"), layers.Conv2D(6, 3, padding="same"))


def volumes() -> keras.Model:
    first, second = layers.Conv3D(4, 3, padding="same"), layers.Conv3D(8, 3, padding="same")
    return on((6, 6, 6, 2), first, layers.MaxPooling3D(2), second)


def normalised() -> keras.Model:
    return on((8, 8, 3), layers.Conv2D(6, 3, padding="same"), layers.BatchNormalization())


def xception() -> keras.Model:
    return keras.applications.Xception(weights=None, input_shape=(150, 150, 3), include_top=False)


def operation_in_groups() -> keras.Model:
    """The kernel alone says that there are two groups, which Keras's own inference of shapes refuses."""
    return on((9, 9, 6), Own(lambda own, x: ops.conv(x, own.w[0]), (3, 3, 3, 8)))


def operation_in_groups_channels_last() -> keras.Model:
    return on((9, 9, 6), Own(lambda own, x: ops.conv(x, own.w[0], data_format="channels_last"), (3, 3, 3, 8)))


def cut_into_patches() -> keras.Model:
    return on((16, 16, 3), lambda x: ops.image.extract_patches(x, size=4), layers.Dense(20))


def spectrogram() -> keras.Model:
    frames = {"frame_length": 64, "frame_step": 32, "fft_length": 64}
    return on((400, 1), layers.STFTSpectrogram(mode="magnitude", **frames))


def cross_attention() -> keras.Model:
    query, value = keras.Input((9, 32)), keras.Input((13, 20))
    return keras.Model([query, value], layers.MultiHeadAttention(4, 16, value_dim=24)(query, value))


def many_heads(heads: int = 8) -> keras.Model:
    return on((30, 448), lambda x: layers.MultiHeadAttention(heads, 448 // heads)(x, x))


def grouped_queries() -> keras.Model:
    attend = layers.GroupQueryAttention(head_dim=8, num_query_heads=6, num_key_value_heads=2)
    return on((11, 24), lambda x: attend(x, x))


def fused_attention() -> keras.Model:
    return on((20, 12, 8), Own(lambda own, x: ops.dot_product_attention(x, x, x)))


def written_attention() -> keras.Model:
    """Attention as one writes it: a layer that has its projections as layers."""

    def attend(own: Any, x: Any) -> Any:
        query, key, value = (part(x) for part in own.parts)
        return ops.matmul(ops.softmax(ops.matmul(query, ops.swapaxes(key, -1, -2))), value)

    return on((8, 24), Own(attend, parts=[layers.Dense(24) for _ in range(3)]))


def masked_tokens() -> keras.Model:
    """A mask that Keras passes on from layer to layer, and a layer that needs it."""

    class Pooled(layers.Layer):
        def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
            return None

        def call(self, inputs: Any, mask: Any = None) -> Any:
            return ops.sum(inputs * ops.cast(mask, inputs.dtype)[..., None], axis=1)

    attend = layers.MultiHeadAttention(2, 4)
    return on(
        (7,), layers.Embedding(50, 8, mask_zero=True), lambda x: attend(x, x), Pooled(), layers.Dense(3), dtype="int32"
    )


def windows() -> keras.Model:
    """Attention in windows: the first axis of what is multiplied is not the batch."""

    def attend(own: Any, x: Any) -> Any:
        parts = ops.transpose(ops.reshape(x, (-1, 2, 4, 2, 4, 6)), (0, 1, 3, 2, 4, 5))
        tokens = own.parts[0](ops.reshape(parts, (-1, 16, 6)))
        scores = ops.softmax(ops.matmul(tokens, ops.transpose(tokens, (0, 2, 1))))
        return ops.reshape(ops.matmul(scores, tokens), (-1, 64, 4))

    return on((8, 8, 6), Own(attend, parts=[layers.Dense(4)]))


def einsum_with_ellipsis() -> keras.Model:
    return on((6, 7, 5), Own(lambda own, x: ops.einsum("...ij,jk->...ik", x, own.w[0]), (5, 9)))


def einsum_of_three() -> keras.Model:
    return on((4, 6), Own(lambda own, x: ops.einsum("bti,ir,ro->bto", x, *own.w), (6, 10), (10, 7)))


def einsum_of_four() -> keras.Model:
    """From right to left is the shortest: 7·2·10, 10·2·6, then 4 tokens of 6·2."""
    return on((4, 6), Own(lambda own, x: ops.einsum("bti,ir,ro,of->btf", x, *own.w), (6, 10), (10, 7), (7, 2)))


def tensordot_and_inner() -> keras.Model:
    def work(own: Any, x: Any) -> Any:
        return ops.inner(ops.tensordot(x, own.w[0], axes=[[2], [0]]), own.w[1])

    return on((6, 5), Own(work, (5, 7), (3, 7)))


def transposed_kernel() -> keras.Model:
    def work(own: Any, x: Any) -> Any:
        return ops.matmul(ops.tensordot(x, own.w[0], axes=[[2], [0]]), ops.transpose(own.w[1]))

    return on((6, 5), Own(work, (5, 7), (3, 7)))


def broadcast_product() -> keras.Model:
    left, right = keras.Input((3, 5, 4)), keras.Input((1, 4, 7))
    return keras.Model([left, right], left @ right)


def product_over_the_batch() -> keras.Model:
    x = keras.Input(batch_shape=(8, 16))
    return keras.Model(x, Own(lambda own, x: ops.matmul(x, ops.transpose(x)))(x))


def sums() -> keras.Model:
    return on((64,), lambda x: ops.cumsum(x, axis=-1) + ops.sum(x, axis=-1, keepdims=True))


def scanned() -> keras.Model:
    """Twelve products in a loop."""

    def work(own: Any, x: Any) -> Any:
        kernel = ops.convert_to_tensor(own.w[0])
        return ops.scan(lambda carried, _: (ops.matmul(carried, kernel), None), x, length=12)[0]

    return on((8,), Own(work, (8, 8)))


def both_directions() -> keras.Model:
    return on((10, 12), layers.Bidirectional(layers.LSTM(20, return_sequences=True)))


def unlike_directions() -> keras.Model:
    backwards = layers.LSTM(6, go_backwards=True)
    return on((7, 5), layers.Bidirectional(layers.GRU(8), backward_layer=backwards, merge_mode="concat"))


def stacked_cells() -> keras.Model:
    cells = layers.StackedRNNCells([layers.LSTMCell(7), layers.GRUCell(9)])
    return on((6, 5), layers.RNN(cells, return_sequences=True), layers.LSTM(4, unroll=True))


class _Part(layers.Layer):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


class _Thirds(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        shared = layers.Dense(100)
        self.parts, self.unused = [_Part(shared) for _ in range(3)], layers.Dense(999)

    def call(self, inputs: Any) -> Any:
        return ops.concatenate([part(third) for part, third in zip(self.parts, ops.split(inputs, 3, 1), strict=True)])


def shared_by_three_parents() -> keras.Model:
    return _Thirds()


def tied_embedding() -> keras.Model:
    table = layers.ReversibleEmbedding(50, 16)
    return on((9,), table, lambda x: table(x, reverse=True), dtype="int32")


def encoder_called_twice() -> keras.Model:
    encoder = on((20,), layers.Dense(30), layers.Dense(5))
    one, other = keras.Input((20,)), keras.Input((20,))
    return keras.Model([one, other], layers.Subtract()([encoder(one), encoder(other)]))


def transfer(training: bool | None = False, mask: Any = None, joint: str = "Add") -> keras.Model:
    """A model within a model, called with arguments that its layers do not take."""
    inner = keras.Input((8,))
    joined = getattr(layers, joint)()([layers.Dense(8)(inner), layers.Dropout(0.5)(inner)])
    base = keras.Model(inner, joined)
    return on((8,), lambda x: base(x, training=training, mask=mask), layers.Dense(1))


def transfer_from_an_application() -> keras.Model:
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 64, 3))
    base.trainable = False
    return on((64, 64, 3), lambda x: base(x, training=False), layers.GlobalAveragePooling2D(), layers.Dense(2))


def graph() -> keras.Model:
    """The whole graph is an attribute, the input is a node's number."""
    features = ops.convert_to_tensor(np.ones((100, 8), "float32"))

    def work(own: Any, node: Any) -> Any:
        return ops.take(own.parts[1](own.parts[0](features)), node, axis=0)

    return on((), Own(work, parts=[layers.Dense(16), layers.Dense(7)]), dtype="int32")


def adjacency(left: str = "operation") -> keras.Model:
    """A constant on the left of the features."""
    edges: Any = np.ones((30, 30), "float32")
    if left == "tensor":
        edges = ops.convert_to_tensor(edges)

    def work(own: Any, x: Any) -> Any:
        hidden = own.parts[0](x)
        return edges @ hidden if left == "tensor" else ops.matmul(edges, hidden)

    return on((30, 8), Own(work, parts=[layers.Dense(5)]))


def constants_alone() -> keras.Model:
    left, right = ops.ones((30, 10)), ops.ones((10, 8))
    return on((30, 8), Own(lambda own, x: x + ops.matmul(left, right)))


def queries() -> keras.Model:
    """Learned queries that a layer projects."""

    def work(own: Any, x: Any) -> Any:
        return ops.matmul(x, ops.transpose(own.parts[0](ops.convert_to_tensor(own.w[0])), (0, 2, 1)))

    return on((5, 8), Own(work, (1, 10, 8), parts=[layers.Dense(8)]))


def relative_bias() -> keras.Model:
    def work(own: Any, x: Any) -> Any:
        return x + ops.sum(own.parts[1](own.parts[0](ops.ones((9, 2)))))

    return on((5,), Own(work, parts=[layers.Dense(32, activation="relu"), layers.Dense(4)]))


def weights_alone() -> keras.Model:
    """A kernel of two factors, 8·4·12 MACs a step."""
    return on((30, 8), Own(lambda own, x: x @ (own.w[0] @ own.w[1]), (8, 4), (4, 12)))


def weight_on_the_left() -> keras.Model:
    return on((8,), Own(lambda own, x: own.w[0] * x - own.w[0] + 1 / own.w[0], (8,)), layers.Dense(4))


def added_loss() -> keras.Model:
    def work(own: Any, x: Any) -> Any:
        own.add_loss(ops.mean(x))
        return x

    return on((8,), Own(work), layers.Dense(4))


def running_mean() -> keras.Model:
    def work(own: Any, x: Any) -> Any:
        own.w[0].assign(0.9 * own.w[0] + 0.1 * ops.mean(x, axis=0))
        return x - own.w[0]

    return on((8,), Own(work, (8,)), layers.Dense(4))


def noisy() -> keras.Model:
    """Random numbers in a call."""
    seeds = keras.random.SeedGenerator(1)

    def work(own: Any, x: Any) -> Any:
        noise = keras.random.normal(ops.shape(x), seed=seeds) + keras.random.uniform((8,), seed=seeds)
        return keras.random.dropout(x + noise, 0.5, seed=seeds)

    return on((8,), Own(work), layers.Dense(4))


def cut_positions(length: int | None = 7) -> keras.Model:
    """A table of 32 positions, cut to the length of the input."""

    def work(own: Any, x: Any) -> Any:
        count, width = ops.shape(x)[-2:]
        return x + ops.slice(ops.convert_to_tensor(own.w[0]), (0, 0), (count, width))

    embed, pool = layers.Embedding(50, 8), layers.GlobalAveragePooling1D()
    return on((length,), embed, Own(work, (32, 8)), pool, layers.Dense(4), dtype="int32")


def counted_positions(length: int | None = 7) -> keras.Model:
    def work(own: Any, x: Any) -> Any:
        return ops.cast(ops.arange(ops.shape(x)[1]), "float32")[None, :, None] * x

    return on((length, 8), Own(work), layers.Dense(4))


def open_recurrence() -> keras.Model:
    return on((None, 6), layers.LSTM(10))


def low_rank_adapted(layer: str = "Dense") -> keras.Model:
    made, shape = {
        "Dense": (layers.Dense(32), (64,)),
        "Conv2D": (layers.Conv2D(10, 3), (8, 8, 6)),
        "EinsumDense": (layers.EinsumDense("abc,cde->abde", output_shape=(None, 3, 4)), (5, 12)),
    }[layer]
    model = on(shape, made)
    made.enable_lora(4)
    return model


def quantised(mode: str = "int8") -> keras.Model:
    kernels = layers.Dense(32), layers.EinsumDense("abc,cd->abd", output_shape=(None, 16))
    model = on((10, 64), *kernels)
    for layer in kernels:
        layer.quantize(mode)
    return model


def quantised_table(mode: str = "int4") -> keras.Model:
    model = tied_embedding()
    model.layers[1].quantize(mode)
    return model


def frozen_kernel() -> keras.Model:
    """Quantising freezes the kernel; the bias trains."""
    model = on((64,), layers.Dense(32))
    model.layers[1].quantize("int8")
    return model


def frozen_kernel_behind() -> keras.Model:
    """The first trains, of the second only its bias."""
    model = on((8,), layers.Dense(8), layers.Dense(8))
    model.layers[-1].kernel.trainable = False
    return model


def frozen_trunk() -> keras.Model:
    trunk = [layers.Dense(width, trainable=False) for width in (40, 50)]
    return on((30,), *trunk, layers.Dense(10))


def frozen_branch() -> keras.Model:
    """Two branches, one frozen: their product needs the gradient of one factor."""
    x = keras.Input((8,))
    frozen, trained = layers.Dense(6, trainable=False)(x), layers.Dense(6)(x)
    return keras.Model(x, layers.Dot(axes=1)([frozen, trained]))


def stopped_gradient() -> keras.Model:
    return on((8,), layers.Dense(6), lambda x: x @ ops.transpose(ops.stop_gradient(x)))


def straight_through() -> keras.Model:
    """The nearest code, past which the gradient goes as if it were the input."""
    return on((8,), layers.Dense(6), Own(lambda me, x: x + ops.stop_gradient(_nearest(me.w[0], x) - x), (6, 5)))


def nearest_code() -> keras.Model:
    """The product with a choice trains the codes alone."""
    return on((8,), layers.Dense(6), Own(lambda me, x: x * _nearest(me.w[0], x), (6, 5)))


def vector_quantised() -> keras.Model:
    """The codes learn by a loss of the layer alone: van den Oord et al. 2017, https://arxiv.org/abs/1711.00937."""

    def quantise(me: Any, x: Any) -> Any:
        code = _nearest(me.w[0], x)
        me.add_loss(ops.mean((code - ops.stop_gradient(x)) ** 2))
        return x + ops.stop_gradient(code - x)

    return on((8,), layers.Dense(6), Own(quantise, (6, 5)), layers.Dense(3))


def _nearest(codes: Any, x: Any) -> Any:
    distance = ops.sum(codes**2, 0) - 2 * ops.matmul(x, codes)
    return ops.matmul(ops.one_hot(ops.argmin(distance, -1), 5), ops.transpose(codes))


def gated_by_a_comparison() -> keras.Model:
    x = keras.Input((8,))
    gate = ops.cast(layers.Dense(6)(x) > 0, "float32")
    return keras.Model(x, layers.Dense(3)(gate * layers.Dense(6)(x)))


def left_unused() -> keras.Model:
    """A product inside a layer that nothing reads."""
    return on((8,), Own(lambda me, x: (ops.matmul(x, me.w[0]), ops.matmul(x, me.w[1]))[1], (8, 5), (8, 3)))


def steps_of_cells() -> keras.Model:
    """Gradients go back through the cells of recurrent layers."""
    steps = layers.RNN(Running(), return_sequences=True)
    return on((7, 4), steps, layers.Bidirectional(layers.GRU(3)), layers.Dense(2))


class Running(layers.Layer):
    """A cell of a user, which puts out its state."""

    state_size = 4

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(4, 4))

    def call(self, step: Any, states: Any, training: Any = None) -> Any:
        state = ops.tanh(step + ops.matmul(states[0], self.w))
        return state, [state]


def towers() -> keras.Model:
    one, other = keras.Input((16,)), keras.Input((16,))
    return keras.Model([one, other], layers.Dot(axes=1)([layers.Dense(12)(one), layers.Dense(12)(other)]))


def called_again() -> keras.Model:
    shared = layers.Dense(20)
    return on((20,), shared, shared)


def rematerialised() -> keras.Model:
    with keras.RematScope(mode="full"):
        return on((16,), layers.Dense(32, activation="relu"), layers.Dense(16))


def values_of_the_backend() -> keras.Model:
    """A layer that no shape can go through."""

    def work(own: Any, x: Any) -> Any:
        if isinstance(x, keras.KerasTensor):
            raise RuntimeError("this layer needs\na tensor of the backend")
        return own.parts[0](x)

    return on((3,), Own(work, parts=[layers.Dense(4)]), layers.Dense(2))


def chosen_by_a_weight() -> keras.Model:
    """A weight whose value decides."""

    def work(own: Any, x: Any) -> Any:
        # Keras's own trace of the call has no values either.
        if isinstance(x, keras.KerasTensor) and float(own.w[1]) > 1e9:
            return x
        return x @ own.w[0]

    return on((6,), Own(work, (6, 4), ()))


def multiplied_by_the_backend() -> keras.Model:
    """A product of weights that the backend's own function carries out, unseen."""

    def work(own: Any, x: Any) -> Any:
        if not isinstance(x, keras.KerasTensor):
            return x @ own.w[0]
        return x @ keras.ops.convert_to_tensor(np.asarray(own.w[0].value) @ np.ones((4, 4), "float32"))

    return on((6,), Own(work, (6, 4)))


def cut_table() -> keras.Model:
    """The first rows of a table of positions."""
    return on((7, 4), Own(lambda me, x: x + me.w[0][: x.shape[1]], (16, 4)), layers.Dense(5))


def crossed() -> keras.Model:
    """Two words of each example, without an axis of their own."""
    one, other = keras.Input((), dtype="int32"), keras.Input((), dtype="int32")
    return keras.Model([one, other], layers.Dense(1)(layers.HashedCrossing(20, output_mode="one_hot")((one, other))))


def squeezed() -> keras.Model:
    return on((5, 1), ops.squeeze, layers.Dense(2))
