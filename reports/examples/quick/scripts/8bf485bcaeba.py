"""unet:depth=4,base_filters=8,input_shape=64x64x1 infer openvino b8: examples per second and the median step, without
Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, openvino 2026.4.1 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python 8bf485bcaeba.py. CONFIG is `model.to_json()`, 25 layers, packed.
"""

import base64
import os
import statistics
import time
import zlib

os.environ |= {"KERAS_BACKEND": "openvino", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np

keras.config.set_dtype_policy("float32")
CONFIG = "c-rlpT~FIE6o&sxt}{fOs$$#@?L*ooq>Y;)6uFICJX|}n9iXfF-*=p(T@u<ZkQhR+=moVM`+WF0ep@A7c?%JzjCiNs4Ut$KDLFlYCc@OwEag*81;@<uy(z;=MI0~8(2tcK!Dn>tovys1H|0b_yOx-8JTY@?nG)Y)cuA!4PA^yWMT?%=Dqnb#>aV7&vdRSO>2;*8aRP%bdCHhS9+_8g<$JMSnr3gt1lA#f3sr)pf~FZ}3XG6=J}2?^ZLt(JOTl1~6mI4HYZy=FRB0kfT$q(DSig?)iAXsNfyfyTuhxD;CqD>&i_Uh1F&1|`h@km4*cHvf)A};?`OkjBuyeuabh&GhO`P_53hgt>be6Xh-z>oiixmB1Vjub;gj{J!bFYIe1qqI0%3%>tnQ6dMtZ_6Ga)C88POmYCIaCBzn$X3RVH5O7VokP_%%w;Zm^1J_3|s9s8v<8L!cw>>RV12F@U{p>VHf38Q_R3R`7km^rQQc&`b@qX1FQR45wlbBglCzK@V#*~ZxN}kHXVqev9*PDzlap7Y}$dPicmmz%CO8A%MH$q*wLN^nCj)OzG605SY<m<S0<}B|Cg8Qo~~1~^01ue|5V(MqAWy_CR_;_Mb#uVEd==-*I=EHOSoVI@3DV;wO+#|H+T8+D|pu_zsT|H_#GI($RfWd&G@YplXet;!}sR`Amj5xEGIDJMNu{eY~V#cs=#^+doT9NIOih{(c3WJh2OnNH?mu_QJ+LtFm_ejRqggw8(CCcAu_K=VVsu~`xGNbv7>ls6eEii2jk`#qvsP}=#7dmWKVoOHQ$!iSJ)@@1p#t(+tuyXbvv}EzCc@Kug7p~Uw(ysl3xyEhjDipBa0Y^s5!>r^U1I9jmodkp8R@hzAehHiO^as`lP?cBUiXx;ci#BYrDF8l2738aU9!~UnPf;!`NXwIE;}sjK`y97*}gbJCHAuA9#`M*I#K8MzEpH81kYxSH#z0G9j%*CW39);{;36M0C}h?M;@uP+e1~QruLkJxTs8D1Xre<9iBjy$c#;sjzl$hT1CQrb(*qm^?}T3##(&&vWCU`%csy<^wv+%UjykN9*_F<^?1#X0`<R##{Gor~`Ol0Qcd$&{8q6t;Eq=QsT(25`S8f?F(`As)RVQD8%zS1e#|EbtuH!-<@FN9Cx>dx^sMB=eYeFLq{jg3y5tY?(Pb801p!2KHL*pDkiptc<`2lcwkqEKP}1jg?R9)gm_?4h!>BwHqKDcp%8EVjFydK+&vfXPVr%#;`X14N2BKD!?p}}&&4}_hsbXao{BG(5?lNx5Cxk30Fdg*2kAP&Ic)n0-rO+UCBll%7b2UrbBaGPA%(u+)R^i}wu*9fbN2-1y&tx&Hfi7fxK{aRZMHk$UvI^|Y|b44DgVIN`Y)*dnrQ"
model = keras.models.model_from_json(zlib.decompress(base64.b85decode(CONFIG)).decode())
assert model.count_params() == 121969
model.compile(jit_compile=True)
rng = np.random.default_rng(0)
x = rng.standard_normal((8, 64, 64, 1), dtype="float32")
step, data = model.predict_step, (x,)


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
