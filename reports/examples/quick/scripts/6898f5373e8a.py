"""vgg:depth=11,input_shape=32x32x3,classes=10 infer tensorflow b8: examples per second and the median step, without
Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, tensorflow 2.21.0 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python 6898f5373e8a.py. CONFIG is `model.to_json()`, 19 layers, packed.
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

keras.config.set_dtype_policy("float32")
CONFIG = "c-rk+O>5gg5dANE7A9KTq0P0XrO-m4?WLiJv9wl}tap|DFmXcuduJuZShi|nn#3v{@WGl{&BxQcH#+EnElm-WU>EF0Sa2g}^AVba!oT7+2<;^(matrbbD4%^Jo>HUF?u0OcJaVk@2V`*6dm4z)G&|1y$vE^g<n@99_;4ajXwL1$1aVM`MNLsLK*O5&K?tHMJb&ZRut{MIw*y91#4j)ySUm-HEKOO89(bP_%G4bNjL|eUuW(bV%1kMb~5Jm@7Jc8O*sj36<CL+1t^EzS}03VY%beWGN!`Art;Eg1hDb{xtV9S@WJR6pY`E2S0=wnGqkTx`&1TE`TDV(Pm-8J3za!}AF&<RkUDQ=A>wmOlN7HjC<>`D3v)3JmI@xSg|SQUXw0ucV+@yJnGw=LDu|$F7QEO5DXj?=#!M3ixtFW@2;Oal3V2g+BAZKWw?(6^OKKU%8>_SX(2TacdpLbk#v1=a%UEXzDJSAM)MM0)K?ZlR+s0yo@0t!E84Lc45`PM7+;(XPQnh%XJ1DSCvZmm=h#q^5vh?ddUmFb*yLt|NC)lp}uSxM0?k)|EtS%2yqrx*MWkxLEi3&X7ozY+6LoC=fIhqrPxbWI)!iS_LDSt<DLUJ+`IpHKH$I8igNOHob=Oia2CvPAp&te59RuC&_$?kE3mh6#oG8xj6ou-`RgyiJ(OLj7(B}=RzRt#v#PH4#<D<@N0vLq+8WP4dbOO{wcOLm_dv}AW%`iM;OLie}x<T@Q*uiE=eXeas#E21Mi?W;vVTH_2%&fcGsp1qBp9j93dyA7bdyl+;~Q%Nr(XESRmQ-8a%Kbwu~#M9X<-m}p(=?sT95~s5LisxmJILuK_93_qpmZSVX=V*liWgek-L*Qw8w!>0q7JdnLMAUzhsQ79;4^kCbgJSQuqkT7Te^UGS8v!|G(E"
model = keras.models.model_from_json(zlib.decompress(base64.b85decode(CONFIG)).decode())
assert model.count_params() == 28144010
model.compile(jit_compile=False)
rng = np.random.default_rng(0)
x = rng.standard_normal((8, 32, 32, 3), dtype="float32")
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
print(f"throughput {8 / statistics.median(blocks):.6g} examples/s")
print(f"median step {1e3 * statistics.median(steps):.6g} ms")
