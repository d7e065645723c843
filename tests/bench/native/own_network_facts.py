"""What a native step of a user's network does, beside a loop by hand, on KERAS_BACKEND=torch or jax.

Prints one line of JSON: names of facts and whether they hold.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import keras
import numpy as np

from anatomy.bench.counting import count_model
from anatomy.bench.native.agreement import still
from anatomy.bench.native.native_backend import NativeBackend
from anatomy.bench.records.case import Case, CaseMode
from anatomy.bench.workload.build_case import Built, build

NETWORKS = "tests.bench.native.own_networks"
STEPS = 3


def _built(name: str, mode: CaseMode, **inputs: str) -> tuple[Built, Any]:
    backend: Any = f"native-{keras.config.backend()}"
    given = {path.strip("_"): spec for path, spec in inputs.items()}
    case = Case(model=f"{NETWORKS}:{name}", mode=mode, backend=backend, batch_size=8, inputs=given)
    built = build(case)
    return built, lambda: NativeBackend(case).prepare(built.model, built.batch, "train" if mode == "train" else "infer")


def _torch_training() -> dict[str, bool]:
    import torch
    from torch.nn import functional

    built, prepare = _built("cnn_with_data", "train")
    module = built.model.network
    mine = copy.deepcopy(module).train()
    before = {name: tensor.clone() for name, tensor in mine.state_dict().items()}
    step = prepare()
    found = {
        "the step has the module itself": step.network.network is module,
        "it is in training mode": module.training and module[1].training,
        "its memory format is left": step.layouts == {} and step.memory_format == "as the module has it",
        "a variable is its parameter": built.model.trainable_variables[0].value is module[0].weight,
    }
    torch.manual_seed(3)
    losses = [step.loss(step.launch()) for _ in range(STEPS)]
    optimizer = torch.optim.SGD(mine.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.from_numpy(built.batch.x), torch.from_numpy(np.asarray(built.batch.y))
    torch.manual_seed(3)
    by_hand = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = functional.cross_entropy(mine(x), y)
        loss.backward()
        optimizer.step()
        by_hand.append(loss.item())
    found["losses are those of a loop by hand"] = np.allclose(losses, by_hand, rtol=1e-6)
    ours, theirs = module.state_dict(), mine.state_dict()
    found["so are weights and statistics"] = all(torch.allclose(ours[n], theirs[n], rtol=1e-5, atol=1e-7) for n in ours)
    found["all of which have changed"] = not any(torch.equal(before[name], ours[name]) for name in ours)
    still(built.model)
    found["dropout can be stilled"] = module[5].p == 0
    return found


def _torch_inference() -> dict[str, bool]:
    import torch

    built, prepare = _built("cnn", "infer", _="3x8x8")
    module = built.model.network
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    step = prepare()
    outputs = step.fetch(step.launch())[0]
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(built.batch.x)).numpy()
    counts = count_model(built.model, built.input_shapes())
    two, prepare_two = _built("two_inputs", "infer")
    both = prepare_two()
    fetched = both.fetch(both.launch())
    words, _ = _built("words", "train", _="12:int64")
    return {
        "outputs are the module's in inference": np.allclose(outputs, expected, rtol=1e-6),
        "inference changes no statistics": all(torch.equal(before[n], t) for n, t in module.state_dict().items()),
        "parameters are counted": counts.parameters == sum(p.numel() for p in module.parameters()),
        "buffers are none of them": counts.trainable_parameters == counts.parameters == 285,
        "MACs are torch's": counts.macs == 8 * 8 * 8 * 27 + 8 * 5,
        "the first layer has no gradient of its input": counts.training_flops == 4 * counts.macs + 2 * 8 * 5,
        "counting leaves the mode": not module.training,
        "outputs of a dict are in the order of its keys": np.allclose(
            fetched[0], two.model.network.eval()(**_tensors(two.batch.x))["left"].detach().numpy(), rtol=1e-6
        ),
        "a frozen parameter is not trained": len(words.model.trainable_variables) == len(words.model.variables) - 1,
        "ids are those of the table": int(words.batch.x.max()) < 50 and int(words.batch.x.max()) > 1,
    }


def _tensors(x: Any) -> Any:
    import torch

    return {name: torch.from_numpy(array) for name, array in x.items()}


def _jax_training() -> dict[str, bool]:
    import jax

    built, prepare = _built("mlp_with_data", "train")
    function, params = built.model.network
    step = prepare()
    losses = [step.loss(step.launch()) for _ in range(STEPS)]
    step.restore()
    x, y = built.batch.x, np.asarray(built.batch.y)

    def loss_of(params: Any) -> Any:
        shares = jax.nn.log_softmax(function(params, x))
        return -shares[np.arange(len(y)), y].mean()

    velocity = jax.tree.map(np.zeros_like, params)
    by_hand = []
    for _ in range(STEPS):
        loss, gradients = jax.value_and_grad(loss_of)(params)
        velocity = jax.tree.map(lambda v, g: 0.9 * v - 0.01 * g, velocity, gradients)
        params = jax.tree.map(lambda w, v: w + v, params, velocity)
        by_hand.append(float(loss))
    ours = [variable.numpy() for variable in built.model.trainable_variables]
    counts = count_model(built.model, built.input_shapes())
    return {
        "losses are those of a loop by hand": np.allclose(losses, by_hand, rtol=1e-5),
        "so are weights": all(
            np.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in zip(ours, jax.tree.leaves(params), strict=True)
        ),
        "parameters are counted": counts.parameters == counts.trainable_parameters == 180,
        "what is not counted has a reason": "JAX function is not counted" in counts.left_out(),
    }


if __name__ == "__main__":
    on_torch = keras.config.backend() == "torch"
    print(json.dumps({**_torch_training(), **_torch_inference()} if on_torch else _jax_training()))
