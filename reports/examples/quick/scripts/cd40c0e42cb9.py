"""wide_resnet:depth=10,width=2 infer tensorflow b16: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, tensorflow 2.21.0 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python cd40c0e42cb9.py. CONFIG is `model.to_json()`, 35 layers, packed.
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
CONFIG = "c-rk<TW{hx6#g%H&LVKCs?)dGt@a{~c1Nq7m#wPEBnGTHcGgaqGFAWk9>*yV2owl$(qau7HMV1)yU#h_L!P}v#5p70t@lVIRs$uY0SpnQ29ume85JBe&-WsRl?pjd^wM7|GlEa()VqE5%GvLdhofPLU@nuGay-`iXEG<g$MAwk<=x&tZysFEY@GB5PxI`Ho~oQQ##uBA)eNVw=$_|{`2i|^555;?3q9;jn7~<}$xtbl3Wg?_DIh}P>6FCF$MPtukAlS_Em<@3FR-3Wsmh2XaY<Hj;O2Xjk44U52}n<K`0(N%$mB1A&(U3-C}Ches*_{M<K_XIJKy~S%f1Rmqeb2JuM*nDBaBZd%L<K+u6=z5CoEL-hZcKKNLyu+8iq&y2%b|M$CSe<p3?gOsW`*oM92hZnxh%!u!jnPOf9vTGOXntN}Q49CQ~W$R3GYl7%XjGEP=Nf<pgU}$Q2346c{e$QBp=Z%_wF-pWGJCU~P6wQooZwHHlS&Rz#bL(RQKc5I<>F&4|de>d+oBYFZmm_b-t`t&_Irs8SR#oii-WVTRy>h??<2#57yf&6T^s!KyIAtg_kW@SD!^YS5d`^6X(bHGfnX55qz@VMe$TG7PKgIn@8n9y6dz$OXLc>a#<C`0(-quRMM?$3Mf<!EXDr4noFi=nrF|H9n>?JSC%W%tZ7!3Jd<jG4Ir;@e>7Je*))9L_&C$C*JLF@adE9kyKHpJ#9D`4q-lmS#1l3Ko#K?wPONqZO5XgI7ynE^%p0H9+ikW1g|h5m|J45JaG<ghj~QouvsXt#@mgg>q3WqVLJ$z_1oiW!K0ZJ9JW~9vyyOdmW{_SVl+*Q3&Xrx4p%Mn&A77D%i0PwqwB*WO&RdEBaN3}^;jz8h@kT~`SR`1Fe3@eI}J1megea0`AS=43W0J?LdAq80m2N>H<Luo1dEI3lT=-D+O@KGSz)t#W_Nm6b6!7^MUa_G7G1K~Fj=fO?>;)Yi9g+>lgOo$E}eAgWXtI!YB!w>(8<B4ljIUzOmd0ZPA*SZJvu{jc_&3GivHyrT920tyHmMI`-X$SuVh<XP{{B~(Vmc5tXS)#j(6o2Mh``(GmYvNN(%5CnMECIeNR<k3V_{J1;hs$yRyQS6}z2(&BQ-yWpPXc0l5Z(^Yo9~KtR2_<d?}uGavsP$8S40E*5p=-bbp-5W7=Z-DqodTNriu-6e)gi?PsfLJq%l4JX%dYPsQrEaI1^1)d@%+i5qUi@`FHRV?!;#iMg$nL4t3H97m9ie%$hNb);X{j$ioHw8oS|HJ-T<0RD^M*FCF3uP$kA&z~0^;Q{*eB?S#t`0rg*W2;)tK!$d&x;6T4aY_f$983fD=Tc46|Ldeqig-UzB)PfbW&KLizzHx#Ic*I-Ug11J}!=pY~a|<b=(1tjrxgWZ&wwYIJT=QTvc(T^IO2N-%|qty_W`p!?B&GpODS<?vl5FW25(kW24q_>?YbeACBEPF|>(e2M)(}4JX%dYPsPQSi!NI1Rjexc5pE`c3=s|K0)z8H#l~1DL8gu2gh!%c?)G|&_f)1gl-&=?F!NJ6rw@<K=$ZH|C%_uT_8JfK(?zZTwP(au4oO&zJY&mU!EL#Iw>sB#S|7T;@Ax}Zv(~-J}!(M*nqJctGELcJLo5hT~kvy7~9np4Qq;4VeI$UKS1xMf8cOz=jtb9bA7wzEx_2pdxEip)?w@h$~qs4-83(>1Y%FXQkZKmx%QH4FP*i$wB}d6x{d7M)Q0<y*+8oB*0F9^R@N-J_>GA%W}oM<WC|h&neRfOQ<&^jr~A|YM?%t=ChE{nt(5HaLXGFB1n+<_QmZ!*04+YTqdHYz4)=vF#D*J{m=co=+_jBT42)Zf>>H=rYA&%JJFe#Pz5jB|vodE4Ur9Qs9IIMc3+<LeJ<9lXy)QkyDtr0qsP(V6EcL#ct#DQBStEz_PguSD5926`i~"
model = keras.models.model_from_json(zlib.decompress(base64.b85decode(CONFIG)).decode())
assert model.count_params() == 305322
model.compile(jit_compile=False)
rng = np.random.default_rng(0)
x = rng.standard_normal((16, 32, 32, 3), dtype="float32")
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
