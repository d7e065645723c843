"""The variables of each launcher."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.runner.nodes.launcher import find_place, first_host

TORCHRUN = {
    "RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "node7",
    "MASTER_PORT": "29400",
    "TORCHELASTIC_RUN_ID": "job",
}
SRUN = {
    "SLURM_PROCID": "2",
    "SLURM_NTASKS": "3",
    "SLURM_STEP_NODELIST": "gpu[07-09]",
    "SLURM_STEP_TASKS_PER_NODE": "1(x3)",
    "SLURM_JOB_ID": "123456",
    "SLURM_STEP_ID": "0",
}
OPEN_MPI = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}
MPICH = {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALNRANKS": "1", "MASTER_ADDR": "10.0.0.1"}


def test_torchrun() -> None:
    place = find_place(TORCHRUN)
    assert (place.launcher, place.rank, place.count, place.local_count) == ("torchrun", 1, 4, 1)
    # Its own port is taken by torchrun.
    assert (place.address, place.port) == ("node7", 29401)


def test_srun() -> None:
    place = find_place(SRUN)
    assert (place.launcher, place.rank, place.count, place.local_count) == ("SLURM", 2, 3, 1)
    assert (place.address, place.port) == ("gpu07", 23456)


def test_open_mpi_on_one_machine() -> None:
    place = find_place(OPEN_MPI)
    assert (place.launcher, place.rank, place.count, place.local_count) == ("Open MPI", 0, 2, 2)
    assert place.address == "127.0.0.1"


def test_mpich_within_a_slurm_job() -> None:
    place = find_place(SRUN | MPICH)
    assert (place.launcher, place.rank, place.address) == ("MPICH", 1, "10.0.0.1")


def test_every_process_of_a_job_agrees_and_another_job_does_not() -> None:
    ranks = [find_place(TORCHRUN | {"RANK": str(rank)}) for rank in range(4)]
    assert len({(place.address, place.port, place.secret) for place in ranks}) == 1
    assert find_place(TORCHRUN | {"TORCHELASTIC_RUN_ID": "other"}).secret != ranks[0].secret
    assert find_place(TORCHRUN | {"ANATOMY_PORT": "5", "ANATOMY_SECRET": "s"}).port == 5


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "needs a launcher"),
        ({"RANK": "0"}, "WORLD_SIZE is not set"),
        (TORCHRUN | {"RANK": "one"}, "RANK='one' is no whole number"),
        (TORCHRUN | {"RANK": "4"}, "RANK=4 must be below WORLD_SIZE=4"),
        ({"PMI_RANK": "0", "PMI_SIZE": "2"}, "set MASTER_ADDR"),
        (SRUN | {"SLURM_STEP_NODELIST": "gpu[a-b]"}, "no list of nodes as SLURM writes it"),
    ],
)
def test_what_is_missing_is_said(variables: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        find_place(variables)


@pytest.mark.long
@given(
    st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True),
    st.integers(0, 99),
    st.integers(1, 9),
    st.sampled_from(["", ",other1", ",z[1-3,5]"]),
)
def test_the_first_of_a_list_of_nodes(name: str, first: int, more: int, rest: str) -> None:
    assert first_host(f"{name}[{first:03}-{first + more:03},200]{rest}") == f"{name}{first:03}"
    assert first_host(f"{name}[{first:03}]{rest}") == f"{name}{first:03}"
    assert first_host(f"{name}{first}{rest}") == f"{name}{first}"
