"""A load of known FLOPs and memory on torch, which does a step at each line that it reads and says what it did.

    python -m tests.gpu.known_load cuda|cpu SIZE

A line `hold BYTES` allocates that memory, `leave BYTES` all but that of the GPU's free memory, `compute SECONDS`
multiplies square bfloat16 matrices for so long. Each is answered by a line of JSON; the end of the input ends it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import torch

# Products between two synchronisations.
_BATCH = 10


def main() -> None:
    """The program."""
    device, size = sys.argv[1], int(sys.argv[2])
    left, right = (torch.randn(size, size, device=device).to(torch.bfloat16) for _ in range(2))
    product = left @ right
    held: list[Any] = []
    _say(device, [left, right, product])
    for line in sys.stdin:
        action, amount = line.split()
        said: dict[str, Any] = {}
        if action == "compute":
            said = _compute(device, left, right, product, float(amount))
        else:
            held.append(_hold(device, action, int(amount)))
        _say(device, [left, right, product, *held], **said)


def _hold(device: str, action: str, amount: int) -> Any:
    count = torch.cuda.mem_get_info()[0] - amount if action == "leave" else amount
    # Written to, so that a CPU has it, too.
    return torch.ones(count, dtype=torch.uint8, device=device)


def _compute(device: str, left: Any, right: Any, product: Any, seconds: float) -> dict[str, Any]:
    """Seconds from the first launch to the end of the last product; times are those of `time.perf_counter`."""
    _synchronise(device)
    start = time.perf_counter()
    count = 0
    while time.perf_counter() - start < seconds:
        for _ in range(_BATCH):
            torch.matmul(left, right, out=product)
        _synchronise(device)
        count += _BATCH
    end = time.perf_counter()
    return {"flops": 2 * len(left) ** 3 * count, "start_s": start, "end_s": end}


def _synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _say(device: str, tensors: list[Any], **said: Any) -> None:
    own = sum(tensor.nbytes for tensor in tensors)
    on_gpu = device == "cuda"
    state = {
        "pid": os.getpid(),
        "allocated_bytes": torch.cuda.memory_allocated() if on_gpu else own,
        "reserved_bytes": torch.cuda.memory_reserved() if on_gpu else own,
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
    }
    print(json.dumps(state | said), flush=True)


if __name__ == "__main__":
    main()
