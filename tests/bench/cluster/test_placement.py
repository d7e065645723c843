"""Which case goes where, without Ray."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.case import Case
from anatomy.bench.cluster.agent import restore_flags
from anatomy.bench.cluster.connection import ClusterError
from anatomy.bench.cluster.likeness import the_one
from anatomy.bench.cluster.placement import MOST_TRIES, Node, Queue, Task
from anatomy.bench.environment import Environment

GIB = 2.0**30
CPU_NODE = Node("a", "cpu1", 8, 0, 16 * GIB)
GPU_NODE = Node("b", "gpu1", 32, 4, 256 * GIB, "h100")


def task(devices: int = 1, **fields: object) -> Task:
    return Task(run=0, case=Case(model="mlp", devices=devices), repeat=0, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "node", "said"),
    [
        (task(), CPU_NODE, ""),
        (task(devices=4), GPU_NODE, ""),
        # Without GPUs the devices are virtual.
        (task(devices=4), CPU_NODE, ""),
        (task(devices=8), GPU_NODE, "gpu1 has 4 GPUs, and 8 are needed"),
        (task(machine_type="h100"), GPU_NODE, ""),
        (task(machine_type="h100"), CPU_NODE, "cpu1 is of the type (none), not h100"),
        (task(memory_bytes=32 * GIB), CPU_NODE, "cpu1 has 16.0 GiB, and 32.0 are needed"),
    ],
)
def test_what_a_node_lacks(wanted: Task, node: Node, said: str) -> None:
    assert wanted.why_not(node) == said


def test_the_first_task_that_fits_goes_to_an_idle_node() -> None:
    big, small = task(devices=8), task(machine_type="h100")
    queue = Queue([big, small])
    assert queue.next_for(GPU_NODE) is small
    assert queue.next_for(GPU_NODE) is None
    assert queue.next_for(CPU_NODE) is big
    assert len(queue) == 0


def test_a_task_whose_node_is_lost_comes_first_again_until_it_is_given_up() -> None:
    lost, other = task(), task()
    queue = Queue([lost, other])
    for number in range(MOST_TRIES):
        assert queue.next_for(CPU_NODE) is lost
        assert queue.give_back(lost, f"cpu{number}") is (number < MOST_TRIES - 1)
    assert lost.lost == ["cpu0", "cpu1", "cpu2"]
    assert queue.take_all() == [other]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=30), st.data())
def test_nothing_is_lost_and_nothing_is_done_twice(kinds: list[tuple[bool, int]], data: st.DataObject) -> None:
    tasks = [task(devices=devices, machine_type="h100" if gpu else "") for gpu, devices in kinds]
    queue = Queue(tasks)
    done: list[int] = []
    while queue:
        node = data.draw(st.sampled_from([CPU_NODE, GPU_NODE]))
        taken = queue.next_for(node)
        if taken is None:
            continue
        if data.draw(st.booleans()) and queue.give_back(taken, node.host):
            continue
        done.append(id(taken))
    assert sorted(done) == sorted(map(id, tasks))


def test_nodes_of_one_environment_compare_and_others_do_not() -> None:
    one = Environment(
        host="a", os="Linux", python="3.12", cpu="X", logical_cores=8, usable_cores=8, memory_bytes=1, packages={}
    )
    same, other = one.model_copy(update={"host": "b"}), one.model_copy(update={"host": "c", "cpu": "Y"})
    assert the_one({CPU_NODE: one, GPU_NODE: same}) is one
    with pytest.raises(ClusterError, match=r"cpu: X on a, Y on c.*--machine-type"):
        the_one({CPU_NODE: one, GPU_NODE: other})


def test_what_ray_sets_for_its_tasks_is_taken_back() -> None:
    variables = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HOME": "/"}
    restore_flags(variables, {"CUDA_VISIBLE_DEVICES": "0,1", "XLA_FLAGS": "--x"})
    assert variables == {"CUDA_VISIBLE_DEVICES": "0,1", "XLA_FLAGS": "--x", "HOME": "/"}
