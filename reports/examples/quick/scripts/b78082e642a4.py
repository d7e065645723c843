"""alexnet:input_shape=67x67x3,classes=10 infer torch b8: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, torch 2.13.0+cpu on 2 usable cores of AMD EPYC. Run it alone on
the machine: python b78082e642a4.py. CONFIG is `model.to_json()`, 17 layers, packed.
"""

import base64
import os
import statistics
import time
import zlib

os.environ |= {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
import torch
from keras import ops

keras.config.set_dtype_policy("float32")


class LocalResponseNormalization(keras.layers.Layer):
    def __init__(self, depth_radius=2, bias=2.0, alpha=0.0001, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        self.depth_radius, self.bias, self.alpha, self.beta = depth_radius, bias, alpha, beta

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        scale = self.bias + self.alpha * self._window_sum(ops.square(x))
        return ops.cast(x * self._damping(scale), self.compute_dtype)

    def _damping(self, scale):
        if self.beta == 0.75:
            return ops.rsqrt(scale * ops.sqrt(scale))
        return ops.power(scale, -self.beta)

    def _window_sum(self, x):
        channels, radius = x.shape[-1], self.depth_radius
        padded = ops.pad(x, [(0, 0)] * (len(x.shape) - 1) + [(radius, radius)])
        return sum(padded[..., shift : shift + channels] for shift in range(2 * radius + 1))


CONFIG = "c-rk+TW{Jh6#g%Hj!-b9UHiJK+N5r(raf&!ks$`Gx^`we9Tf53cO08bLP}FX8b%{{AU@8yedjwT30ZiLB2F3cuDu5$vFa!}>cA3VsxwacNK?Tv^L%f_uu>7nk7ny_P9pf2PQ2@d=cJgC87CS<T4Kua(5TlkCBDb-oJi$e|6UaBI!VFMSDvK$&WLh`hFFiLk(%NJHvQ%)WB$dZ`Su3B7wfrM_Qp(L-9vDqO0ZP0G{#JU6B17*BwimnQ`DG(%_4D;S@{z7lL=LtND@1@GK0nQC?ATH!xl)MiEyy=D+c*l@F#RrmPuH6>Xzlv#aJ{@)O_<3w%rRxNAoiEs|>vqBdm`p(-~q{7rwE<35yhcHfis6{cacXt+b>z<i6jB;{?Ys<zUBq!i>gXIK~=BV<8{0HbG4>2Q?}JPfg-t%CJd!B(cu)`bO(SiZlVGUEjk{Yfsr0I9n2y!bzzj(U3yKE+Nh}%BiMc^%)9gCp(=j=}xM?knhI9d_gN>>cqmG;T++aiPWx$ROgrW<k9$gfOo%$6l&YGJ*HeLK%6oxtugCx=0wSQmSC#qWiqD?46CdPbxv7v`Bk>8D!Ry)g@@(D{>TL$MOktpO}G*=it_MOZ2(rs6#No$4kxTg8~DLsxr9?5{#x@3INIi|^*!g&ofu*EgQx^TcQr$wZFQDVj7i=sfn$>BDNrk>Da3~?Zt$ZM0PZZAV(&WW1VI2i8xoxzU4~`)_6MF1_xR{`L-W15s0OdAvRC2V+m^rK*}Z_&^GSJgPC(c!w#I{1H|}MnzuS8^-5L34u)i0-%HCDTP2+3J>@axuPhE5xQx}ChV>k4}+|ae-as#|FiVmB(sGYgzHgi!eti6O!RnEHJ@h&45eXNmNAGpwes!v?>9upURyoq}P@Y*7)bKv$)W8n5a^@{`7;#}*%ZEteVZs7K6AuZHmb<(=tQ73ErADOl7W%AjvwqF}-p+u`+N%iVwZFsUbw=HX1*1ny!;c2k8{~q^0;m5oG37fx^a#eO1ytmMnz_0SuuS5+#wm1Z*O#n4K8-~xDE_x3}>IQrwWoe9!AZqrhe+q3K0_q3mFWGjK)jZ1HHm-c{Pl~yA59y+nOO+<srnZhxq001G^Y}mlNs)-`wTN8`Sy96zvX_QIC-ifL%moDuT<WT!wiV9taWf>Z2Hd)Oc7d~L&W5yorR8{?5Vf7K?SwUTLew;)Hq5TQ8KU!QhUg@kA$qrFm_R;g_C};Sg@)J-3hhvdv3|s}wj=(p9Wh^Er_dE&{9|FTf_(k1@AlhvYxFnLTx^-nvcJN&UO8U=18{7W<p"
model = keras.models.model_from_json(
    zlib.decompress(base64.b85decode(CONFIG)).decode(),
    custom_objects={"LocalResponseNormalization": LocalResponseNormalization},
)
assert model.count_params() == 20209034
model.compile(jit_compile=False)
rng = np.random.default_rng(0)
x = rng.standard_normal((8, 67, 67, 3), dtype="float32")
data = keras.tree.map_structure(keras.ops.convert_to_tensor, (x,))
model.train(False)
step = torch.no_grad()(model.predict_step)


def timed(steps):
    """Seconds a step: launched back to back, then waited for all their outputs."""
    start = time.perf_counter()
    _outputs = [step(data) for _ in range(steps)]
    return (time.perf_counter() - start) / steps


warm, end = [timed(1)], time.perf_counter() + 1  # the first compiles
while time.perf_counter() < end:
    warm.append(timed(1))
rounds = int(max(1, min(10, 1 / min(warm[-3:]) // 12)))
size = int(max(2, min(500, 1 / min(warm[-3:]) // (6 * rounds))))
blocks, steps = [], []
for _ in range(rounds):
    blocks.append(timed(2 * size))
    steps += [timed(1) for _ in range(3 * size)]
print(f"throughput {8 / statistics.median(blocks):.6g} examples/s")
print(f"median step {1e3 * statistics.median(steps):.6g} ms")
