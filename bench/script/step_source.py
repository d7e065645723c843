"""The compiled step of each backend as code, and `timed`: steps launched back to back, waited for once."""

from __future__ import annotations

from anatomy.bench.backends import step as step_module
from anatomy.bench.records.case import KerasBackend, Mode


def step_lines(backend: KerasBackend, mode: Mode, jit: bool) -> list[str]:
    """Code that defines `timed` from `model`, `x` and, in train mode, `y`.

    Args:
        jit: whether the step is compiled, as it was resolved.
    """
    trains = mode == "train"
    accelerator = not step_module.load(backend).on_cpu()
    setup, launch, drain = {
        "tensorflow": _tensorflow,
        "jax": _jax,
        "torch": _torch,
        "openvino": _openvino,
    }[backend](trains, jit, accelerator)
    return [
        *setup,
        "",
        "",
        "def timed(steps):",
        '    """Seconds a step: launched back to back, then waited for all their outputs."""',
        *launch,
        *drain,
        "    return (time.perf_counter() - start) / steps",
        "",
        "",
    ]


_Parts = tuple[list[str], list[str], list[str]]
_START = "    start = time.perf_counter()"
_LAUNCH = [_START, "    outputs = [step(data) for _ in range(steps)]"]


def _tensorflow(trains: bool, jit: bool, accelerator: bool) -> _Parts:
    setup = [
        f"data = keras.tree.map_structure(tf.convert_to_tensor, {_data(trains)})",
        f"step = tf.function(model.{_method(trains)}, jit_compile={jit}, reduce_retracing=True, autograph=False)",
    ]
    drain = ["    for tensor in keras.tree.flatten(outputs):", "        tensor.numpy()"]
    return setup, _LAUNCH, (["    tf.test.experimental.sync_devices()"] if accelerator else []) + drain


def _jax(trains: bool, jit: bool, accelerator: bool) -> _Parts:
    """A pure function and its state; a train step's is donated, as `fit` does."""
    groups = "model.trainable_variables, model.non_trainable_variables"
    if trains:
        groups += ", model.optimizer.variables, model.metrics_variables"
    step = f"model.{_method(trains)}"
    compiled = f"jax.jit({step}{', donate_argnums=0' if trains else ''})"
    setup = [
        f"data = jax.block_until_ready(jax.device_put({_data(trains)}))",
        f"groups = ({groups})",
        "state = tuple([variable.value for variable in group] for group in groups)",
        f"step = {compiled if jit else step}",
    ]
    launch = [
        "    global state",
        "    outputs, start = [], time.perf_counter()",
        "    for _ in range(steps):",
        f"        output, {'state' if trains else 'changed'} = step(state, data)",
        *([] if trains else ["        state = (state[0], changed)"]),
        "        outputs.append(output)",
    ]
    return setup, launch, ["    jax.block_until_ready((outputs, state))"]


def _torch(trains: bool, jit: bool, accelerator: bool) -> _Parts:
    step = f"model.{_method(trains)}" if trains else f"torch.no_grad()(model.{_method(trains)})"
    setup = [
        f"data = keras.tree.map_structure(keras.ops.convert_to_tensor, {_data(trains)})",
        f"model.train({trains})",
        f"step = torch.compile({step})" if jit else f"step = {step}",
    ]
    drain = ["    torch.cuda.synchronize()"] if accelerator else []
    if trains:
        drain += ["    for logs in outputs:", '        float(logs["loss"])']
    return setup, _LAUNCH if trains else _held(), drain


def _openvino(trains: bool, jit: bool, accelerator: bool) -> _Parts:
    return ["step, data = model.predict_step, (x,)"], _held(), []


def _held() -> list[str]:
    """Launches whose outputs are finished on return or with the device, and are kept as long as a block lasts."""
    return [_START, "    _outputs = [step(data) for _ in range(steps)]"]


def _method(trains: bool) -> str:
    return "train_step" if trains else "predict_step"


def _data(trains: bool) -> str:
    return "(x, y)" if trains else "(x,)"
