"""The search over commits, and over a real history with a slowdown and a commit that does not build in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.git import Repository
from anatomy.bench.regression_gate.git_bisect import search
from tests.bench.regression_gate.conftest import NETS, Project
from tests.command import anatomy


@given(st.integers(1, 200), st.data())
def test_the_first_bad_commit_is_found_in_as_many_tests_as_halving_needs(number: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(0, number - 1))
    asked: list[int] = []

    def test(position: int) -> bool:
        asked.append(position)
        return position < first_bad

    assert list(search(number, test)) == [first_bad]
    assert len(asked) <= number.bit_length()


@given(st.integers(1, 60), st.data())
def test_commits_without_an_answer_leave_a_range_with_the_first_bad_one(number: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(0, number - 1))
    silent = data.draw(st.sets(st.integers(0, number - 2)) if number > 1 else st.just(set()))
    found = search(number, lambda position: None if position in silent else position < first_bad)
    assert first_bad in found
    assert set(found) - silent <= {max(found)}


ASKED = ("--backend", "jax", "--mode", "infer", "--batch-size", "256", "--tolerate", "step=60%..300%")


@pytest.mark.quiet
@pytest.mark.backends
@pytest.mark.extended
def test_the_commit_that_made_it_slower(project: Project) -> None:
    good = project.git("rev-parse", "HEAD")
    project.commit(note="# nothing of weight")
    project.commit(nets="def net(:\n")
    slow = project.commit(nets=NETS.format(layers=30))
    project.commit(note="# nothing either")
    done = anatomy("bisect", "nets.py:net", good, "HEAD", *ASKED, "--json", folder=project.folder)
    found = done.result
    # The commit before it does not build: one of the two it is, and no more is known.
    assert [suspect["commit"] for suspect in found["suspects"]][-1] == slow
    assert len(found["suspects"]) == 2
    assert done.code == 3
    assert {tested["verdict"] for tested in found["tested"]} == {"FAIL", "PASS", "ERROR"}
    assert len(project.git("worktree", "list").splitlines()) == 1


@pytest.mark.quiet
@pytest.mark.backends
@pytest.mark.extended
def test_a_bad_revision_that_is_no_slower(project: Project) -> None:
    project.commit(note="# nothing of weight")
    done = anatomy("bisect", "nets.py:net", "HEAD~1", "HEAD", *ASKED, folder=project.folder)
    assert done.code == 5
    assert "there is nothing to look for" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nets.py:net", "nowhere"), "no revision 'nowhere'"),
        (("nets.py:net", "HEAD"), "no commit between"),
        (("nets.py:net", "HEAD", "--figure", "flops"), "expected one of step"),
        (("nets.py:net", "HEAD", "--mode", "train,infer"), "expected one case, got 2"),
    ],
)
def test_what_cannot_be_bisected(project: Project, arguments: tuple[str, ...], said: str) -> None:
    done = anatomy("bisect", *arguments, folder=project.folder)
    assert done.code == 2
    assert said in done.err


def test_a_good_revision_on_another_branch(project: Project) -> None:
    project.git("checkout", "-qb", "other")
    other = project.commit(note="# here")
    project.git("checkout", "-q", "main")
    main = project.commit(note="# there")
    with pytest.raises(UsageError, match="is no ancestor"):
        Repository.of(project.folder).between(other, main)
