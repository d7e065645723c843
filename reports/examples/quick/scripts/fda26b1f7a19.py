"""rcnn:words=20,embedding_dim=32,lstm_units=32,dense_units=32 infer tensorflow b16: examples per second and the median
step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, tensorflow 2.21.0 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python fda26b1f7a19.py. CONFIG is `model.to_json()`, 12 layers, packed.
"""

import base64
import os
import statistics
import time
import zlib

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
import tensorflow as tf
from keras import ops

keras.config.set_dtype_policy("float32")


class FlipTime(keras.layers.Layer):
    def call(self, inputs):
        return ops.flip(inputs, axis=1)


CONFIG = "c-rk*ZBN@U5dJUzoK-DIlh&_8n<jyVH1=hvvaX4fS~zyF9cWkezwex+X<kd9gBFQz&H3VcdF~$jnl*`4kP1eo<c?`DBcuHhikL8?FqOXLN`fFB@dX$|CB#nkTWv+jkVj;?CdI1ur9`>az$MJx-d3l~BLY@T8#29JH;oo64J$unlG;nRRI@S%>o2HTK!QrQG8Mu*8++$xGmivz<%A>@3henAzGf2821OwVgDz-@A{La7g(2<?p|VPfpz`$%>a&O&%QOoLr!sTR_qd#^RH6#z&BZs{cmqSc{B?8HnL-{dEJd+pOWT#pBGRUr=KdEqsCKOc_g7tJwt4D{G?Uv@OKRAC%B1hY%N^LtE!bUpBSq)n-#vm3O2tegOhu`bO0C51@h{Vgs?=gCX{a=f!Q54Jxy7B%&pZNHaSz}CLdPx01#wRJsn$$dT3a<diWLt~AvKK7Ih4*|k|Yz9<F*_GN89Zjjw-9Ignk!FEBjk=bTzJ})G$|Ad3|JsL1F3Al}m~MccQ&1-$wOvKYwbwP*JNxt4>B(Qe-+AjrX|Xa(93ie-K+!bzqMv2em7Jh}ka4@U>Kc&Yj2u*yX8XG4s4bo)rqWtFE=e6nbm2hO=!;?X}EMTO4SWAn0T|9*wIT)a5%oo+O(lB{WHAO+ZKaj~WJ)W;jvHq`~&0^?De_qWKOB^iJs&s&AQZ?2Tue4Zh-9-Wgx#OvPnXws79hS%{m%iBYid-Sc80{2;~;V*DV+!-=s$3Gbd4^Wf_DZNZZpjz4>^iXmzw%ysrY9FIqrkXq$~vAN+c#cGf}p&b?4#`)WZ_&LX$>;G#A0xXEhMejM6phgz>@o-CWCousN3>XcA1xH3PAe6*kfJ9<2R5)mdb!r*ZQPHfE#w&xFm(EF{Irb)pqS=V*1e&vCio@{yiYHOBzcbB(hxW)|`h}YXn!~zp=lCn&HF;k9ZA<4h(aH<s#NcvNI<UP?1h0Cp9|)L|K2AQ;4M-iSd{jEXoApTyd9dUd-KWWuV6~m@h3oB(x3YF}yu3HR0DEso{f$^>FD=dsbgi>24U0iq?jN-tpP2gJ<xu~IlXU;Y+&2{W4!%9Z?S1Ns<Zp%x-MTbrimlYwtK6i%d>+<LEhamR?6HF8Ag*9}t+4R>PU#qyR6Q_Fopp267Tb3vcIjeCz+*G?3sEbuqu!EtHFg-Ny(F1n8hG|)(3}EKP8u}%&j0@WV9Jgn`~M9!w40i}-Q82OE$Zdh@9G_?EP&l=Exd8hq)`0=zxfBTt2K!"
model = keras.models.model_from_json(
    zlib.decompress(base64.b85decode(CONFIG)).decode(), custom_objects={"FlipTime": FlipTime}
)
assert model.count_params() == 19777
model.compile(jit_compile=False)
rng = np.random.default_rng(0)
x = rng.standard_normal((16, 20, 32), dtype="float32")
data = keras.tree.map_structure(tf.convert_to_tensor, (x,))
step = tf.function(model.predict_step, jit_compile=False, reduce_retracing=True, autograph=False)


def timed(steps):
    """Seconds a step: launched back to back, then waited for all their outputs."""
    start = time.perf_counter()
    outputs = [step(data) for _ in range(steps)]
    for tensor in keras.tree.flatten(outputs):
        tensor.numpy()
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
print(f"throughput {16 / statistics.median(blocks):.6g} examples/s")
print(f"median step {1e3 * statistics.median(steps):.6g} ms")
