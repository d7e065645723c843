"""Which case goes where, without Ray."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.cluster.agent import restore_flags, unsupported_reason
from anatomy.bench.cluster.placement import MOST_TRIES, Node, Queue, Task
from anatomy.bench.cluster.same_environment import same_environment
from anatomy.bench.errors.anatomy_error import SetupError
from anatomy.bench.records.case import Case
from tests.factories import make_environment

GIB = 2.0**30
CPU_NODE = Node("a", "cpu1", 8, 0, 16 * GIB)
GPU_NODE = Node("b", "gpu1", 32, 4, 256 * GIB, "h100")


def task(devices: int = 1, **fields: object) -> Task:
    return Task(run=0, case=Case(model="mlp", devices=devices), repeat=0, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "node", "said"),
    [
        (task(), CPU_NODE, None),
        (task(devices=4), GPU_NODE, None),
        # Without GPUs the devices are virtual.
        (task(devices=4), CPU_NODE, None),
        (task(devices=8), GPU_NODE, "gpu1 has 4 GPUs, and 8 are needed"),
        (task(machine_type="h100"), GPU_NODE, None),
        (task(machine_type="h100"), CPU_NODE, "cpu1 is of the type (none), not h100"),
        (task(memory_bytes=32 * GIB), CPU_NODE, "cpu1 has 16.0 GiB, and 32.0 are needed"),
    ],
)
def test_what_a_node_lacks(wanted: Task, node: Node, said: str | None) -> None:
    assert wanted.unsupported_reason(node) == said


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
        assert queue.requeue(lost, f"cpu{number}") is (number < MOST_TRIES - 1)
    assert lost.lost == ["cpu0", "cpu1", "cpu2"]
    assert queue.take_all() == [other]


@pytest.mark.long
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=30), st.randoms(use_true_random=False))
def test_nothing_is_lost_and_nothing_is_done_twice(kinds: list[tuple[bool, int]], chance: Random) -> None:
    tasks = [task(devices=devices, machine_type="h100" if gpu else "") for gpu, devices in kinds]
    queue = Queue(tasks)
    done: list[int] = []
    while queue:
        node = chance.choice([CPU_NODE, GPU_NODE])
        taken = queue.next_for(node)
        if taken is None:
            continue
        if chance.random() < 0.5:
            queue.release_node(node)
            if queue.requeue(taken, node.host):
                continue
        done.append(id(taken))
    assert sorted(done) == sorted(map(id, tasks))


ROWS = [
    Task(0, Case(model="mlp", options={"hidden": size}, mode=mode, backend=backend, dtype=dtype), repeat)
    for repeat in (0, 1)
    for size in (8, 9, 10)
    for mode in ("train", "fit", "infer")
    for dtype in ("float32", "mixed_bfloat16")
    for backend in ("jax", "torch")
]
OTHER_NODE = Node("c", "cpu2", 8, 0, 16 * GIB)


def test_what_is_compared_is_measured_on_one_node_and_the_rest_spreads() -> None:
    queue = Queue(ROWS)
    found: dict[tuple[object, bool], set[str]] = {}
    while queue:
        for node in (CPU_NODE, OTHER_NODE):
            taken = queue.next_for(node)
            if taken is not None:
                found.setdefault((taken.case.options["hidden"], taken.case.mode == "infer"), set()).add(node.id)
    assert len(found) == 6
    assert all(len(nodes) == 1 for nodes in found.values())
    assert set.union(*found.values()) == {CPU_NODE.id, OTHER_NODE.id}


def test_a_case_on_several_devices_is_measured_where_that_on_one_is() -> None:
    several = [
        Task(0, Case(model="mlp", backend="jax", devices=devices, batch_size=8 * devices), 0) for devices in (1, 2, 4)
    ]
    queue = Queue(several)
    assert queue.next_for(CPU_NODE) is several[0]
    assert queue.next_for(OTHER_NODE) is None


def test_the_rest_of_a_row_goes_with_its_lost_case_to_another_node() -> None:
    lost, rest = (Task(0, Case(model="mlp", backend=backend), 0) for backend in ("jax", "torch"))
    queue = Queue([lost, rest])
    assert queue.next_for(CPU_NODE) is lost
    assert queue.next_for(OTHER_NODE) is None
    queue.release_node(CPU_NODE)
    assert queue.requeue(lost, CPU_NODE.host)
    assert [queue.next_for(OTHER_NODE), queue.next_for(OTHER_NODE)] == [lost, rest]


@pytest.mark.parametrize(
    ("gpus", "visible", "niceness", "said"),
    [
        (4, 4, 0, None),
        (2, 4, 0, "lends 2 GPUs to Ray and its cases would see 4"),
        (0, 0, 15, "set RAY_worker_niceness=0 before `ray start`"),
    ],
)
def test_a_node_that_is_not_all_ours_or_slowed_down_is_unfit(
    gpus: float, visible: int, niceness: int, said: str | None
) -> None:
    found = unsupported_reason(gpus, visible, niceness, 0, "1.0", "1.0")
    assert found is None if said is None else said in str(found)


def test_another_version_of_anatomy_is_named() -> None:
    found = unsupported_reason(0, 0, 0, 0, version="1.0", wanted_version="1.1")
    assert "it has keras-anatomy 1.0, and the sweep was started by 1.1" in str(found)


def test_nodes_of_one_environment_compare_and_others_do_not() -> None:
    one = make_environment(host="a", cpu="X")
    same, other = one.model_copy(update={"host": "b"}), one.model_copy(update={"host": "c", "cpu": "Y"})
    assert same_environment({CPU_NODE: one, GPU_NODE: same}) is one
    with pytest.raises(SetupError, match=r"cpu: X on a, Y on c.*--machine-type"):
        same_environment({CPU_NODE: one, GPU_NODE: other})


def test_what_ray_sets_for_its_tasks_is_taken_back() -> None:
    variables = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HOME": "/"}
    restore_flags(variables, {"CUDA_VISIBLE_DEVICES": "0,1", "XLA_FLAGS": "--x"})
    assert variables == {"CUDA_VISIBLE_DEVICES": "0,1", "XLA_FLAGS": "--x", "HOME": "/"}
