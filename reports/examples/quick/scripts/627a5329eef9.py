"""text_cnn:vocabulary=2000,embedding_dim=32,length=200 train jax b16: examples per second and the median step, without
Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, jax 0.10.2, jaxlib 0.10.2 on 2 usable cores of AMD EPYC. Run it
alone on the machine: python 627a5329eef9.py. CONFIG is `model.to_json()`, 10 layers, packed.
"""

import base64
import os
import statistics
import time
import zlib

os.environ |= {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import jax
import keras
import numpy as np

keras.config.set_dtype_policy("float32")
CONFIG = "c-rk*+m6~W5dD`trziw%+vT;pttz$Bs%l@lLe@Y`uyE|ub|@_3-#bnm2qEQCn$m80!=AC{%;g*jXXzy}$~g7<-jpiP9j!(k+@f4}#+euyCIxWM_eLDFCIS-c`gY4A#hArjf9W}^p>sn<LZHnkU;>8rexow#dmI*2X|MmdtOs_MTBP?P&CCaD+KMy;Gnx=RffSt{MaH=w2EoAhBD1ht9uuY);t`#K(zr1Ot}(oVIHu8h>4GpD1f6B-k}B*g^rtb?hAJ94KzXS8IVOfO6X=3<v$+jc{*me3Cqo)VOvFufq!r^%Azh;NIQ0N`pV93>ayD8tg&1=QwopGyb>$aHl87Z<A4?oyl`^y5>4p9VrY1}<!+^6VY}XF7PQ|)|^Am_jCSL>_OO<RP)zmhusC&Z1%(mx6&<SpE3G;kuS9>z307RFJgDL<PcLGlGjG0A~t#T3p>AVSM4F>d-ptD?$)3*$SVNYPEh?E&P5c?;o+Uoi=Ej>_i@nfrGgydx<h6*heA=_0uOpW671W`$~K-Y4d13wt7R(N3gy$HO-)zK6EMv7VYu4&dr)^gEN9y4xo_34JM^ZW(nL}SA-`x{Ic8_bHDcX5?M(UHD~L&hSE8G!*}2NaCWX95B*&;&tR6^IxwI<LS`cSo#bmfC=B&T<Dlt0>R#NTw+nGECJ~!a@3V8olFENppxs1*KtbQ!REJr#D-Bs%Qb90r4v`MpvQj3FYe1z|0)PiEMVa?J_yPtiFAav*kRu!dJf+Rw!G}b^~cE%5ffXKf?S$BD+M~Oy3lZm!+>oP^IfGK{o`p_I-3c*xfSS-{0Nt?Moj8=(zT}A!}2U!>cA=HTfB7a@Y!Md$-4v)@eukdK~^=dfZZHZ%&iruw6OsUFG;H$InQPd##Z6)oE&cHfM2ahQJSLasqQAXH*gU1a?s#@8{u^(lla;KK7xjo>vPZe3}OL&h6(NBBD*Tjhx|ft;<juN&&tq;-65&(^T)AcfNAETKHFaEPZNRZiz-I7J%j72=w1TrZA{+Nz1XpN?hsmPt$38$}UJM$LnS?4a#n>KYmr8+SiTWShv#3?`$YU^&{Ns2TAY4zW"
model = keras.models.model_from_json(zlib.decompress(base64.b85decode(CONFIG)).decode())
assert model.count_params() == 267796
optimizer = keras.optimizers.SGD(learning_rate=0.01, momentum=0.9)
model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=True)
rng = np.random.default_rng(0)
x = rng.integers(0, 2000, (16, 200)).astype("int32")
y = rng.integers(0, 20, (16,)).astype("int32")
model._symbolic_build(data_batch=(x, y))  # the optimizer's and the losses' variables
data = jax.block_until_ready(jax.device_put((x, y)))
groups = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables, model.metrics_variables)
state = tuple([variable.value for variable in group] for group in groups)
step = jax.jit(model.train_step, donate_argnums=0)


def timed(steps):
    """Seconds a step: launched back to back, then waited for all their outputs."""
    global state
    start = time.perf_counter()
    outputs = []
    for _ in range(steps):
        output, state = step(state, data)
        outputs.append(output)
    jax.block_until_ready((outputs, state))
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
