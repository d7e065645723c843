"""Which case goes where: each exactly once, one a node, what is compared on one machine, the lost tried again."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.case import Backend, Case, Mode
from anatomy.bench.cluster.board import MAX_TRIES, Board, Ticket
from anatomy.bench.store import in_order

BACKENDS: tuple[Backend, ...] = ("tensorflow", "jax", "torch")
MODES: tuple[Mode, ...] = ("train", "infer")


def cases(sizes: int = 3, devices: tuple[int, ...] = (1,)) -> list[Case]:
    return [
        Case(model="mlp", options={"hidden": size}, mode=mode, backend=backend, batch_size=8 * n, devices=n)
        for size in range(sizes)
        for mode in MODES
        for n in devices
        for backend in BACKENDS
    ]


def drain(board: Board, nodes: list[str]) -> dict[str, list[Ticket]]:
    done: dict[str, list[Ticket]] = {node: [] for node in nodes}
    while not board.done:
        for node in nodes:
            board.take(node)
        for node in list(board.running):
            done[node].append(board.finish(node))
    return done


def test_one_node_gets_the_runs_own_order() -> None:
    todo = in_order(cases(), processes=2)
    (done,) = drain(Board.of(todo), ["a"]).values()
    assert [(ticket.case, ticket.repeat) for ticket in done] == todo


def test_backends_and_processes_of_a_case_stay_on_one_node_and_the_rest_spreads() -> None:
    done = drain(Board.of(in_order(cases(), processes=2)), ["a", "b", "c"])
    rows = {(t.case.options["hidden"], t.case.mode): node for node, tickets in done.items() for t in tickets}
    for node, tickets in done.items():
        assert tickets
        assert all(rows[t.case.options["hidden"], t.case.mode] == node for t in tickets)


def test_fit_is_measured_where_its_step_is() -> None:
    step = Case(model="mlp", mode="train")
    board = Board.of([(step, 0), (step.model_copy(update={"mode": "fit"}), 0)])
    board.take("a")
    assert board.take("b") is None


def test_a_case_on_several_devices_is_measured_where_that_on_one_is() -> None:
    done = drain(Board.of(in_order(cases(2, devices=(1, 2, 4)), processes=1)), ["a", "b"])
    for node, tickets in done.items():
        others = [t for other, tickets in done.items() if other != node for t in tickets]
        assert not {(t.case.options["hidden"], t.case.mode) for t in tickets} & {
            (t.case.options["hidden"], t.case.mode) for t in others
        }


def test_a_lost_case_comes_first_and_its_row_goes_to_another_node() -> None:
    board = Board.of([(case, 0) for case in cases()])
    first = board.take("a")
    assert first is not None
    assert board.lose("a", "a is dead", gone=True) is None
    assert board.take("b") == first
    assert board.losses[first] == ["a is dead"]


def test_while_its_node_lives_a_row_waits_for_it() -> None:
    board = Board.of([(case, 0) for case in cases(1)[:2]])
    first = board.take("a")
    board.lose("a", "its agent was killed", gone=False)
    assert board.take("b") is None
    assert board.take("a") == first


def test_after_its_tries_a_case_is_given_up() -> None:
    board = Board.of([(cases()[0], 0)])
    given_up = None
    for number in range(MAX_TRIES):
        assert given_up is None
        assert board.take(f"node {number}") is not None
        given_up = board.lose(f"node {number}", f"loss {number}", gone=True)
    assert given_up == Ticket(cases()[0])
    assert board.losses[given_up] == [f"loss {number}" for number in range(MAX_TRIES)]
    assert board.done


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 2))
def test_whatever_is_lost_every_case_ends_exactly_once(seed: int, count: int, processes: int) -> None:
    chance = random.Random(seed)
    todo = in_order(cases(2), processes)
    board = Board.of(todo)
    nodes = [f"node {number}" for number in range(count)]
    ended: list[Ticket] = []
    for step in range(10_000):
        if board.done:
            break
        node = chance.choice(nodes)
        if node not in board.running:
            board.take(node)
            assert len(set(board.running.values())) == len(board.running)
        elif chance.random() < 0.3:
            gone = chance.random() < 0.5
            given_up = board.lose(node, "lost", gone)
            if gone:
                nodes[nodes.index(node)] = f"node {count + step}"
            ended += [given_up] if given_up is not None else []
        else:
            ended.append(board.finish(node))
    assert board.done
    assert sorted((t.case.key, t.repeat) for t in ended) == sorted((case.key, repeat) for case, repeat in todo)
    assert all(len(losses) <= MAX_TRIES for losses in board.losses.values())
