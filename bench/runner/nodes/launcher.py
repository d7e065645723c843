"""Which of the processes that a launcher has started this is, from the variables that the launcher sets.

Sources: torchrun, https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables; SLURM,
https://slurm.schedmd.com/srun.html#SECTION_OUTPUT-ENVIRONMENT-VARIABLES; Open MPI,
https://docs.open-mpi.org/en/main/tuning-apps/environment-var.html; MPICH and Intel MPI (Hydra), `PMI_RANK`, `PMI_SIZE`,
`MPI_LOCALNRANKS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anatomy.bench.errors.anatomy_error import UsageError

_PORT = 29511
# Ports that a SLURM job's number chooses from, so that two jobs on one node seldom meet.
_SLURM_PORTS = range(20000, 30000)


@dataclass(frozen=True)
class Place:
    """One process of those that measure together.

    Attributes:
        launcher: whose variables were read.
        rank: 0 for the process that plans, measures and writes records.
        count: of processes, each a node with the devices that it sees.
        local_count: how many of them are on this machine.
        address: where rank 0 listens, a name or an IP address.
        port: on which it does.
        secret: what the others say to it; it keeps strangers and other jobs out.
    """

    launcher: str
    rank: int
    count: int
    local_count: int
    address: str
    port: int
    secret: str


def find_place(variables: Mapping[str, str]) -> Place:
    """This process's place.

    Raises:
        UsageError: no launcher's variables, or one that is missing or is no number; with what to set.
    """
    for launcher, names in _LAUNCHERS.items():
        if names[0] in variables:
            return _place(launcher, names, variables)
    raise UsageError(
        "--nodes needs a launcher that starts a process on each node: torchrun, srun or mpirun"
        " (or set RANK, WORLD_SIZE and MASTER_ADDR in each)"
    )


def first_host(nodes: str) -> str:
    """The first of SLURM's list of nodes: `gpu[07-09,12],login1` → `gpu07`.

    Raises:
        UsageError: not such a list.
    """
    first = nodes.split(",", 1)[0]
    name, bracket, ranges = first.partition("[")
    number = ranges.split("-", 1)[0].removesuffix("]")
    if not name or (bracket and not number.isdigit()):
        raise UsageError(f"{nodes!r} is no list of nodes as SLURM writes it; set MASTER_ADDR to the first node's name")
    return name + number


# In the order in which they are asked: a launcher may run under the next one. Rank, count, count on this machine.
_LAUNCHERS = {
    "torchrun": ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    "Open MPI": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
    "MPICH": ("PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"),
    "SLURM": ("SLURM_PROCID", "SLURM_NTASKS", ""),
}


def _place(launcher: str, names: tuple[str, str, str], variables: Mapping[str, str]) -> Place:
    rank, count = _number(variables, names[0]), _number(variables, names[1])
    local = _number(variables, names[2]) if names[2] in variables else _slurm_local(variables)
    if not 0 <= rank < count:
        raise UsageError(f"{names[0]}={rank} must be below {names[1]}={count}")
    return Place(
        launcher,
        rank,
        count,
        local,
        _address(variables, alone=local == count),
        _port(variables),
        _secret(variables),
    )


def _slurm_local(variables: Mapping[str, str]) -> int:
    """`SLURM_STEP_TASKS_PER_NODE` is `2(x3),1`; the first node's speaks for all."""
    said = variables.get("SLURM_STEP_TASKS_PER_NODE", "1").split("(", 1)[0].split(",", 1)[0]
    return int(said) if said.isdigit() else 1


def _address(variables: Mapping[str, str], alone: bool) -> str:
    if variables.get("MASTER_ADDR"):
        return variables["MASTER_ADDR"]
    nodes = variables.get("SLURM_STEP_NODELIST") or variables.get("SLURM_JOB_NODELIST")
    if nodes:
        return first_host(nodes)
    if alone:
        return "127.0.0.1"
    raise UsageError(
        "the first node's address is not known; set MASTER_ADDR to its name in every process"
        " (mpirun -x MASTER_ADDR=…, mpiexec -genv MASTER_ADDR …)"
    )


def _port(variables: Mapping[str, str]) -> int:
    if "ANATOMY_PORT" in variables:
        return _number(variables, "ANATOMY_PORT")
    if "MASTER_PORT" in variables:
        # torchrun's own meeting place has that one.
        return _number(variables, "MASTER_PORT") + 1
    if "SLURM_JOB_ID" in variables:
        return _SLURM_PORTS[_number(variables, "SLURM_JOB_ID") % len(_SLURM_PORTS)]
    return _PORT


def _secret(variables: Mapping[str, str]) -> str:
    """Given, or what tells one job from another."""
    names = ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID", "SLURM_STEP_ID", "OMPI_MCA_ess_base_jobid", "PMI_ID")
    return variables.get("ANATOMY_SECRET") or "anatomy " + " ".join(variables.get(name, "") for name in names)


def _number(variables: Mapping[str, str], name: str) -> int:
    try:
        return int(variables[name])
    except KeyError:
        raise UsageError(f"{name} is not set, though the launcher's other variables are") from None
    except ValueError:
        raise UsageError(f"{name}={variables[name]!r} is no whole number") from None
