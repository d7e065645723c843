"""resnet:depth=20 predict jax b16: examples per second and the median step, without Anatomy.

Made with Python 3.11.7, keras 3.15.1, numpy 2.4.6, jax 0.10.2, jaxlib 0.10.2 on 2 usable cores of AMD EPYC. Run it
alone on the machine: python a61b34cc6a97.py. CONFIG is `model.to_json()`, 73 layers, packed.
"""

import base64
import os
import statistics
import time
import zlib

os.environ |= {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "2", "OPENBLAS_CORETYPE": "Haswell"}

import keras
import numpy as np
from keras import ops

keras.config.set_dtype_policy("float32")


class ZeroPadShortcut(keras.layers.Layer):
    def __init__(self, filters, stride=2, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.stride = filters, stride

    def call(self, inputs):
        missing = self.filters - inputs.shape[-1]
        before = missing // 2
        kept = inputs[:, :: self.stride, :: self.stride, :]
        return ops.pad(kept, [(0, 0), (0, 0), (0, 0), (before, missing - before)])


CONFIG = "c-rk;ZExE)5dJUv>;?8+5w!W%t>`wO*owV;SrG`dP1{0b$rGilX^{UuQj(L}kz>a)$+L8*QN$u8z8vrLJkP;*A1u>p5zF8zxRIGq7b=@v=u0wI7qcRn<WZW4I2Z(zSSS@HVrja5+-OOYSu_u>?t{8DlPZxp40T(ci6{|c^ZYz3<RFN}oy=5l_2qth;JRgNq+gR&k$*Bx8zYTHK3RlnAy&H6m!yc}0Ydq?9t6|;&Rh;=aVl~IeWO~5OzBHA5i323Ow8wU`uMdTDl$Xq&grUNTGjrb`^$Nxa+%3#J*{%U?far+oEC}hqIb`%@cLnJ;39uYlUw-Ew3Yh8?Wk!V>osl<u>Ir@f9Y<Y(>R*kH9da4L%Y_fug{`5FD*8@9GEc@8HXzRX0{#6-Bx)PRSO;sM*90oOs7$zM+ua9j-IN>ML0{drO3^S79!ElP@$ft*|ljD3$x#0CUW`ska?CCD>LXI5c;IumR<DSag<15jzXbiIF9s!*G8<T79~+0iC9lCd%imt-?cv5s$b-9W{#UDT1j(GDsz{14#iiq*6K=H<eQgX*he$j7PI?DW~usqYA*~`Z-s6yVv$vYRTC~J(Qv)o<0!vtYO9~72Ug`N%r_pkeR;39tWWf|x7-IJn^%8qEIbU$%?Wdvs5A@1P4gTY0IFv!^t{sSPT#P0+Tmb${qUe~x%sae{$77O*l&L{QK&jK(YNY|?(*SqoOpF(@io$``$7BDGF{3fFP6d8@Z#OOK_FKuij8v(FNQ<iKGChl`qc#0L_E!QEVU=QIm2_YT(%kO_e35#)H1!*@hV(OkvLjhJ>so)G?7fCn`M^9Yw+)Cr<;O>x#79nSN)$~S9i%|k)?@##M7%alZkeZt*_xEj#jJk9Z}s{U*0^KheeXguWSXA(dA*$qz-D&qe-w7>ZUfqD+0?O^3&hDLrEs%!fP;Dim&?c#>JCG<XnfpTN$c2HB-=`M9*)bf#4#Ir{(tp%~`LFgh9)*)$R?k8`-H`%%vV8PA4~`kZ~U4yl&yV=JQR%ud5*A0{b=W0wY02f{X-DiUfChneTAZ7zC}O#HQ`&CT4tLr36jy7*7J@Nyd{M#*;wQ%YC9tV06jolF_AQbO}_^C7cjlzMoF_#~e|1@)d4gX}W5%JFVtVgBbWbFyCX+V_#N>@sK_+5R%-ZJoYYV2e6FIw4=kc1IWnOO;N`+;Q*GinQ$=SuuM3Bs+<j8<ZS4ToDFp4Y;Y`R1IyWrD?5)XfvA`JM3*dQGrDASX&YSvRdnfC&W3Z6vw@17y<3YI_&YeRWNqjL6Cue#oXOhAvNqF?4$}`LDQkl#;(;t{Gx1>JVVQU!RaqOo$lBN&SsUrf+UQu;MwYc1S9Ts(0#Psbi7r{zW^~Eu(l)vTs_4?Otc~X+Ya>Nj8@$Wf=vLOoUN8}o9OMMDwt4w{u5kJbECe=xwWfi+S9?Dai!T*PDF45HnO_`c@5Y7FGWsdN=pNDu1WV26{n|r1VE`MXQ%8ho%B+)F=RP;L<Kl13=T$D=6nvbKPT;~bOgfo#S|**~r0~q>(tHq(jy<kY8qk}<GvKK3Ol#BIPiX+b!ZZ8PC8snPTpr=-K-9|*WRcbCniPXS7ipGH%3}6=++02NB;x6nR|i+nbVI`e_bsb?0>QDwfwNUi9GE!RCJsQAIJnAI!8z3w0_!z}+L-O>HP$v`)%x&Q&saeZ>I;GO`a*5&Z2yNCK(M|LvrA@|CuWy6>kGAUa6jaO>kBdYVDe#`d;ry~1$fC?KyR`ZKsRdvj<XiPSqsLMoyV0x)XROMOP017T{60~jV^&Ix^ygU!#PRYKvUX2%?~kJ9~@V*HuQptkmMlFWNl<wo9Rb~=?9XOwZRkd;QB&LJeYXcCLTyt)<!R~Hugr=M!K>#I+nGOWo^cloyV0x)XROMOO~}6T{60~jV^&Ix^ygS<2lLNNKw`X@3J<!m9?=KOoSu{aaLal`%+&B-P9LqV{`}gg^*x<q02X1Ux-=fiC8DvuP-!uYd)`Xar9YV2)VuxlTId`mPsc%sW0?a|GRv1bmVcB(7@hQ7eYtXg<2ZkemVmQ))v~2EIFOQ!14%32a-N+zp@b0tSn^wyiH{xbW&N!w={4pW#Bv&QwF9CwkZS9qztaIRCrExh0uCkq2rBqx~f7g503RL751Q}5L&M(bi9@A|MUV0Rup1R$(-`UoYH1Rq2t}#59Q!`LQFZBa@eLEKr>4LUa}O>n=A!T%~F8lECq0uf)Qos5halHai6%7rEJEPj4N&9N}!1=9ZT78PEs~dl(J9rbBmUT#+8f>z2F}NnTInO8(GF?($Qhkfdpl2@I*Jbeh||QrW>~D2GW$V(Tj|Yy^*nzs*H_}Wo%>_n-OK_5halHai6%7Wo*Wkj4N&9N}!1=9n08wPBJ#qld-|GjE!z(Z0rU9AjmvUAY=a=r(+Snztvsl+63ALyGjSGbfZ@rzswnKq+Cs-<r@6&HEz8eO6EKTy!@c&CmYSD_aT}Xys5levCvq=khtL%i&N<=*Iv9q<Ep7Ki)+E+UdPl1!M}w_@|u{0>nR;X;x-T1>HX?ZpQ;?Y*^92%wyvE=cQ3zJ{U6Q#)Vi^#@|jJ)H2zp5WgmUS9{vZ3x{{y"
model = keras.models.model_from_json(
    zlib.decompress(base64.b85decode(CONFIG)).decode(), custom_objects={"ZeroPadShortcut": ZeroPadShortcut}
)
assert model.count_params() == 271098
model.compile(jit_compile=True)
rng = np.random.default_rng(0)
x = rng.standard_normal((16, 32, 32, 3), dtype="float32")
most = min(1000, 268435456 // sum(a.nbytes for a in keras.tree.flatten((x,)))) or 1


def timed(steps):
    """Seconds a step: one epoch of so many copies of the batch, its values back on the host."""
    data = keras.tree.map_structure(lambda array: np.concatenate([array] * steps), (x,))
    start = time.perf_counter()
    model.predict(*data, batch_size=16, verbose=0)
    return (time.perf_counter() - start) / steps


timed(1)  # compiles
size = min(4, most)
while (more := min(most, int(min(10 * size, 0.2 / timed(size))))) > 1.5 * size:
    size = more
blocks = [timed(size) for _ in range(5)]
print(f"throughput {16 / statistics.median(blocks):.6g} examples/s")
