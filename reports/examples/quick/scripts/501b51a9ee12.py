"""googlenet:input_shape=64x64x3,classes=10 infer openvino b8: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, openvino 2026.4.1 on 2 usable cores of AMD EPYC. Run it alone on
the machine: python 501b51a9ee12.py. CONFIG is `model.to_json()`, 85 layers, packed.
"""

import base64
import os
import statistics
import time
import zlib

os.environ |= {"KERAS_BACKEND": "openvino", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
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


CONFIG = "c-rlqTW_mI7l!`}*KTAmcAS0p>Dy{msjaH2y=k>&&A`N=n}7>=H))jr-r?YEA4p;bW>{0dN-ko+40C$cTJx?UPtJWBZe!tma6XHS<yUzYT**Ts&aZB_Nl-*-!eVFQ1To9=Rl@GeOTRrhlP0&(+WGM0G-uaox{gI63VE`~Sd=hc7EokcF>zw{D6-u7@W<0}$<3LgqP|Zy+v11v)Im|46~WyqzhfJD(I3e+jwcJh{GEN8IAQTv9(Hcyloc~ielg#$ESHCFS)9v<$k=)<!k3RtQBhfxyg1!7b*s-m%j?BD$_tT+uz9Siz~k>l2~W3)yhJu%S;J4ylQS#%|1|mHeQaw>dEkq?x_-EBYs;pd$Aui<{o}9lvY*p93Le{v*tODY^_0hNqqwMgO*U{@Mk3->9{p1`{q^Kpws>A-QC(?o;>ph&7KTwGOL6k@KJrmn!B)3vcF&5kR(C9s_sCcBG0T<<qnMR#zRFlp-qfAA@+Rvn-EQPP-HF5GaQjkSBEOx9cq_lO&BcmGvbs%cG|v?!Q4z6NK3#U&G*^3PPul6bIL*@Hw<Ic`^Pr`2QI3|n)2rTIv4^s@^^tU293Fb3CCdly@rb{REY0^H?Tw<E_K>HyG0R>lZ13zzVLx~WjSzdzhw0UHI`!VG-$9Xe8&w?`6_0J_ng^97<<$@`b|<Qv9Up#oI_^)I<0<*%uxwrbaZuIOs%nl^A(A}JR;$C_KbJD~J?`YQrP-tW!j25n$@J6nv;4~Ezw6?k<fpUY@FRQpIhC_FS+^r%BTu@c;-P$k9S>$z+nmh*V?eycgLiv)SL5M(cjlG93;(?C-5Y7|c5z*S!}*m4EdE908#%(oPi0%kNnb<mwQgR;Su$!@hhkIQNlb^)R#wuh=cxSSYAWY=yt!iyBP6rAD5_7_^S1lFUHg_g58v7DqWnF#vztNJZ!W)W=siita2p7!w!SvYU#D{Y8MYp_eoR}xH)}{RqUM!ePRt%=G$7&Lc*m5eJpfPwl%Pe4dd`fEh(luOcN^>SF3WA)ud}ZHmf-8s;nm>N9|w9D7YBND`dF*okCH%C>yoP(D@PNlP~m2QPytQ=Z71OM2{b%Dmh$Ipcr+9<0*?8^oD?`*fCJ#L2^<F#=)VAt_q@u3+LtBT<6+jbzL$sDR{IMw7w&_LwP@H0*on?|qMkVygbF$<(%up)(qM&M!KgM?+$_$`RCy&jHWilAfXD1a&6-c<U<cSiI3CsKXQ;4aKR`CZjw&SFWa*z&34%xk1R+e2{rNL;ywbAT(i<UxoG(c^XWrvTJw```2z!WR4Zm@_b>Pc`zuJ5Ky6@b~hST`B?z~CA!Q(B}JlJ81pLuFFaKzI0CUi4<v|3<JPK|C^0e}sL4JK=Yxd}Pio2z*9JKJKwljr2bX}I#hh*cOdAWn~okq%Ndzi6qN>y@f4FePM!YxtrtB6b-OoyxTZ<iO4<kOSmUjbin!AuB8ca??UKrz2#a?#O_U4S3LwUA4hOVHus97P2`tAsZ>TAc$22(Jy4HgfHB%kj-rsvblC4Tg`_YPRYLU)LhtMioaQ?8Np#nS4bk@11j0)?46%o+}?S8;hMjkD)hIxg&rS!=;3d{-%|IteC>Pa{qpBrj5IVe0uJn<2RHzZ9^lZNreGc%=O-rk7rlqx*SLqCthu0*ig1H`HW&(<427;#1hT9klYHP!v56k6uq+zY#)|Gsr@rY;^gf|Y^!^gL2VjR?0jV~2xGL;0n|t6h<Q{+^AV?2_=*>Oo6tA=_w;0Mj@NL~h@9W(}UzvgK;=e!8F8Z=~8PBP?u)`GZFV&3TFr|0TJ@8HMqW1~zqIa=e2qSEd5#}ZY>A9<daf5j+^mfsE@a2IKn=oQPo*ok;9mML3-bL?oy<)Wmri6}ky_mv?z=&96M085m7LbFEkbUZYLdXU=Xh*U7#3%)FnBGP26WT?8szX7^20UoTuG-+?`3meXtYl*sJqQAV^dX3TC3~*qgqT&bZQVuhbNx#8Vye)6!ztNHW@s=ad!c9qM=ag2k{#fE@G!zK!aa;|Kvl^$`i6!8N;WV8jP$_>Q6-z3SF(ePR<Z+nO15EBg7?A0h`@*_84+qqwqbJ6QL^U?DA^!~T~Vw)CA<5(JdfgPQz0yrY`_EXP>EeBDcON(B|CtU4T69mJqSWm$qo!F*@3M}cA#I$R`MZ-Q?k4NH-Vi~J(89jjH+Y@rj_iFo|5gu2*U{5V}wJhN_Jp!5i!JnHU~z4kv<q9s$>V|mF)1MmF$q7l5N<O&{4ASejpeTtBeRWCEGAL=qTAsyj&dQuq=wzr)2xxm%>8RN_Ge(8}I-;RAX0d@aX=Z&5wd<BkX{Z4T69m>I9*wWQT^8?9f&vJJhdaD|O#+O7?Q8=E9DqC5NLb*`aAAThLRo@kU1&VT+8gFrs98DjYSqh$x_B10%plAB>n#vPZ;72PIovw300}E7|l-2^l53WoIRf2#g3}BcfHwrcVwsO7_f~Ldga>?22MF{;S*WZ-x}6m25#r$!>WU45Vz(gLd#rNy-+crEEb>%Es%YfDpS7VnEAQ2w;R^EnC>CWee?Ew#v3>F`SkyLpn7lc9`N_rNKLxnC&Xhonh4M_m+>#l6-rXjJ=81cgc8HV?C@~DtTSz7JKFlnG0~a;Bu+ET*otLc#cTOozIa5XGX|@Tm^sw;OGGk&AAHZ!Et_ef~@@oXD58E{RNo|<RidPz)&a|3SIdKWLbd>1h4|EP>n{lu|gpO;V3>f6__Fe0rUVpltNN%^yt18eiS1cfd?`WfDj<02SW5_Aan{@T2@>PWgy7%?94#ee{c;M2xa#vWFYKf;JzAsZH5$`*kOuSNCDW{<?)I)yPtl}>8a8;5SL(v?J>iglq%h7UJQ8ioSa7O!<z?2Y{Cd7jamanIw;osq7`dSM6n*vl#tP{XG^?b5k|x&BSJ#I9*-P!)a+AoK+Og@Xh*U7)a;w?<lv^&Yz{RW^Z-4SgI8_z@RthkFsx>CsM$aW5Yh)BG}UZwSk30Ps@Yt-nk{20h3*?p%~mRYR5hEAt7h{7)oe+8&f@=lk(aE+yF2U0_2b{Rpr3`<gwefhfLj*l;;eo1`kX6w>ZuItVODiMX6Yuaka5z?;mfJ<`muI#rdR&tz^zEqNcuBPOP*!tzE)=VPCUN@n}KxNWpxu*PGCJGyL6#^z*d{Kk!=wL<#@?Q?ZmD0(Mr#BdgPks>1}b(9^jqY<(+o(Kqt;$Tb2~jKXuHqdxo<n?co3(bK<_>qn);&c4MiTp%trN==?IQzMeg(S#{5rws5}PCe<}8cAozQE^sot"
model = keras.models.model_from_json(
    zlib.decompress(base64.b85decode(CONFIG)).decode(),
    custom_objects={"LocalResponseNormalization": LocalResponseNormalization},
)
assert model.count_params() == 5983802
model.compile(jit_compile=True)
rng = np.random.default_rng(0)
x = rng.standard_normal((8, 64, 64, 3), dtype="float32")
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
