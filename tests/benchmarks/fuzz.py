"""Fuzz every parser of files and options: `python -m tests.benchmarks.fuzz MINUTES [--guided] [--only NAME]`.

Valid inputs are mutated at random: bytes are flipped, cut, doubled and spliced, and values of JSON are replaced
by others that a parser meets seldom. A parser may return, or raise what is written for the user: `UsageError`, and the
`ValueError` that some document and the commands turn into one. Whatever else comes out is printed with the
input, shortened as far as the exception stays, and ends the program with status 1.

Mutations are random, with `--seed N` the same again. With `--guided` Atheris (`pip install atheris`, which has no
packages for every Python) chooses those that reach new lines: some thousand inputs a second, a tenth as many, from
the same valid ones. What it finds is left whole in `fuzz-found/`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
from anatomy.bench.machine.others_load import cpu_times
from anatomy.bench.machine.process_sampler import reading_of
from anatomy.bench.machine.pyproject import read_pyproject
from anatomy.bench.protocol.events import NoEventError, read_event
from anatomy.bench.records.case_profile import read_profiles
from anatomy.bench.records.cpu_list import parse_cpus
from anatomy.bench.records.input_spec import parse_inputs, parse_shapes, parse_spec
from anatomy.bench.records.keras_cost import read_costs
from anatomy.bench.records.machine_look import MachineLook, read_looks
from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.run_store import load_run
from anatomy.bench.records.tuning import read_tuning
from anatomy.bench.regression_gate.gate_result import GateResult
from anatomy.bench.regression_gate.gate_table import read_gate_table
from anatomy.bench.regression_gate.policy import parse_rule, policy_of, rules_of
from anatomy.bench.runner.measuring_lock import when_busy
from anatomy.bench.suites.axis_options import parse_axes
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import Axes, load_suite
from anatomy.bench.suites.units import parse_bytes, parse_seconds
from anatomy.bench.tuning.tune_table import read_tune_table
from anatomy.bench.xla.xspace import read_xspace
from anatomy.models import parse_model

# Inputs that Atheris found are left here, whole.
FOUND = Path("fuzz-found")
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES, DATA = ROOT / "reports" / "examples", ROOT / "tests" / "data"
# No input is longer: what is slow by its length alone is no finding.
LONGEST = 1 << 16
LONGEST_SHORTENING_S = 10.0
with (EXAMPLES / "quick" / "records.jsonl").open("rb") as _file:
    RECORD = _file.readline()
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**400, 1e308, -1e308, 5e-324, 0.5, -0.0),
    *("", " ", "\x00", "\ud800", "nan", "inf", "-1", "1e999", "0x10", "²", "٣", "=1+1", "../..", "a" * 300, "💥" * 20),
    *([], {}, [[]], [None], {"": None}, [0] * 50, {"a": {"b": {"c": []}}}),
    *(float("nan"), float("inf"), float("-inf")),
)
TOKENS = [
    *(
        b"0",
        b"-",
        b".",
        b",",
        b":",
        b"=",
        b"[",
        b"]",
        b"{",
        b"}",
        b'"',
        b"\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xc3(",
        b"1e999",
    ),
    *(
        b"NaN",
        b"null",
        b"true",
        b"9" * 50,
        b"[" * 200,
        b"..",
        b"x",
        b"GiB",
        b"%",
        b"*",
        b"\xed\xa0\x80",
        b"#",
        b"'",
        b"\\",
    ),
]


class Parser(NamedTuple):
    """What is fuzzed: valid inputs, and what reads one; `allowed` is what it may raise beside `UsageError`."""

    valid: Sequence[bytes]
    read: Callable[[bytes, Path], object]
    allowed: tuple[type[Exception], ...] = ()


def in_file(name: str, read: Callable[[Path], object], of_folder: bool = False) -> Callable[[bytes, Path], object]:
    """A reader of a file, or of the folder that it lies in."""

    def from_bytes(data: bytes, folder: Path) -> object:
        (folder / name).write_bytes(data)
        return read(folder if of_folder else folder / name)

    return from_bytes


def as_text(read: Callable[[str], object]) -> Callable[[bytes, Path], object]:
    """A parser of text as the command line has it: what is not UTF-8 arrives as lone surrogates."""
    return lambda data, _: read(data.decode("utf-8", "surrogateescape"))


def _run_of(data: bytes, folder: Path) -> object:
    (folder / "run.json").write_bytes(data)
    (folder / "records.jsonl").write_bytes(RECORD)
    run = load_run(folder)
    return run.remaining


def _suite_of(data: bytes, folder: Path) -> object:
    (folder / "suite.toml").write_bytes(data)
    return plan(load_suite(str(folder / "suite.toml")), Axes())


def _policy_of(data: bytes, folder: Path) -> object:
    (folder / "pyproject.toml").write_bytes(data)
    read_tune_table(folder).arguments()
    return policy_of(read_gate_table(folder))


def _lines(path: Path) -> list[bytes]:
    return [line[:LONGEST] for line in path.read_bytes().splitlines(keepends=True) if len(line) < LONGEST]


def _texts(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]


KINETO = json.dumps(
    {
        "deviceProperties": [{"id": 0, "name": "H200"}],
        "traceEvents": [
            {
                "ph": "X",
                "cat": "kernel",
                "name": "k",
                "pid": 0,
                "tid": 7,
                "ts": 10.0,
                "dur": 5.0,
                "args": {"stream": 7, "correlation": 1, "device": 0},
            },
            {
                "ph": "X",
                "cat": "cuda_runtime",
                "name": "cudaLaunchKernel",
                "pid": 1,
                "tid": 1,
                "ts": 8,
                "dur": 1,
                "args": {"correlation": 1},
            },
            {"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#1", "pid": 1, "tid": 1, "ts": 0, "dur": 20},
        ],
    }
).encode()


def parsers() -> Mapping[str, Parser]:
    """Every parser by name."""
    from anatomy.bench.records.keras_cost import KerasCost
    from tests.factories import make_case, make_gate_result

    old = [line for path in sorted((DATA / "records").glob("*.jsonl")) for line in _lines(path)]
    case = make_case(mode="train", backend="jax")
    cost = KerasCost(keras=case, native=case, effects=[0.1, 0.2, 0.3]).model_dump_json().encode() + b"\n"
    events = _texts(
        '{"event":"exited","code":0}', '{"event":"phase","name":"build"}', '{"event":"ended","outcome":"ok"}'
    )
    gate = make_gate_result().model_dump_json().encode()
    look = MachineLook(at="start", looked_at="2026-01-31T12:00:00Z", watched_s=0.25, busy={"a (1)": 0.5}, steal=0.1)
    looks = look.model_dump_json().encode() + b"\n"
    suites = [path.read_bytes() for path in sorted((ROOT / "bench" / "suites").glob("*.toml"))]
    toml = (
        b'[project]\nname = "x"\n[tool.anatomy.gate]\nminutes = 3\n[tool.anatomy.gate.tolerate]\nstep = "5%"\n'
        b'"train.compile" = "20%..40%"\n[tool.anatomy.tune]\nmax_latency = "5ms"\n[tool.anatomy.models."a:b"]\n'
        b'inputs = {tokens = "128"}\n[tool.anatomy.suites.mine]\nmatrix = [{model = ["mlp"]}]\n'
    )
    xspace = [path.read_bytes()[:LONGEST] for path in DATA.rglob("*.xplane.pb")] or [
        b"\n\x10\x08\x01\x12\x0c/host:CPU\x1a\x00"
    ]
    return {
        "records.jsonl": Parser(old, in_file("records.jsonl", read_records)),
        "run.json": Parser([(EXAMPLES / "quick" / "run.json").read_bytes()], _run_of),
        "profiles.jsonl": Parser(
            _lines(DATA / "profiles" / "v1.jsonl"), in_file("profiles.jsonl", read_profiles, True)
        ),
        "keras-costs.jsonl": Parser([cost], in_file("keras-costs.jsonl", read_costs, True)),
        "tuning.json": Parser(
            [(EXAMPLES / "tuned" / "tuning.json").read_bytes()], in_file("tuning.json", read_tuning, True)
        ),
        "machine.jsonl": Parser([looks], in_file("machine.jsonl", read_looks, True)),
        "gate.json": Parser([gate], lambda data, _: GateResult.model_validate_json(data), (ValueError,)),
        "suite": Parser(suites, _suite_of),
        "pyproject": Parser([toml], _policy_of),
        "pyproject tables": Parser([toml], in_file("pyproject.toml", read_pyproject, True)),
        "rule": Parser(_texts("5%", "20%..40%", "any", "0", "none", "step=5%"), as_text(parse_rule), (ValueError,)),
        "rules": Parser(
            _texts("step=5%", "train.compile=20%..40%"), as_text(lambda text: rules_of([text], "--tolerate"))
        ),
        "model": Parser(
            _texts("vgg:depth=11,classes=10", "a.b:c", "f.py:g:x=1", "m.keras", "mlp:units=[1,2]", "mlp"),
            as_text(parse_model),
            (ValueError,),
        ),
        "input": Parser(
            _texts("tokens=128", "image=224x224x3:uint8:0..255", "4:int32", "a=2x3"),
            as_text(lambda text: parse_inputs([text])),
            (ValueError,),
        ),
        "input spec": Parser(
            _texts("128", "224x224x3:uint8:0..255", ":int32", "::0..1"), as_text(parse_spec), (ValueError,)
        ),
        "shapes": Parser(
            _texts("224x224x3", "a=2x3", "tokens=128"), as_text(lambda text: parse_shapes([text])), (ValueError,)
        ),
        "bytes": Parser(_texts("4GiB", "500MB", "2g", "1.5kB"), as_text(parse_bytes)),
        "seconds": Parser(_texts("5us", "30min", "1.5s", "2h"), as_text(parse_seconds)),
        "wait": Parser(_texts("30min", "0s"), as_text(lambda text: when_busy(longest=text))),
        "cpus": Parser(_texts("0-3", "0,2", "1-1,3"), as_text(parse_cpus)),
        "axes": Parser(_texts("jax,torch", "1,2", "on", "max", "tokens=128"), as_text(_all_axes)),
        "kineto": Parser([KINETO, gzip.compress(KINETO)], in_file("trace.json", read_gpu_trace)),
        "xspace": Parser(xspace, in_file("t.xplane.pb", read_xspace)),
        "xspace trace": Parser(xspace, in_file("t.xplane.pb", read_gpu_trace)),
        "event": Parser(events, lambda data, _: read_event(data), (NoEventError,)),
        "/proc/stat": Parser(
            [b"cpu 1 2\ncpu0 1 2 3 4 5 6 7 8 9 10\n"],
            lambda data, folder: (in_file("stat", lambda _: None)(data, folder), cpu_times({0}, folder)),
        ),
        "/proc/PID/stat": Parser([b"1 (a) b) S " + b"1 " * 50], lambda data, _: reading_of(data), (ValueError,)),
    }


def _all_axes(text: str) -> None:
    for axis in ("backend", "mode", "batch_size", "dtype", "jit", "feed", "workers", "devices", "inputs", "scaling"):
        with suppress(UsageError):
            parse_axes({axis: [text]})


def mutated(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """The input with one to four changes."""
    for _ in range(chance.randint(1, 4)):
        data = _structured(data, chance) if chance.random() < 0.4 else _bytes(data, others, chance)
    return data[: 2 * LONGEST]


def _bytes(data: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    match chance.randrange(7):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at:end] * 2 + data[end:]
        case 3 if data:
            at = min(at, len(data) - 1)
            return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        case 4:
            other = chance.choice(others)
            return data[:at] + other[chance.randint(0, len(other)) :]
        case 5:
            return data[:at] + chance.randbytes(chance.randint(1, 8)) + data[end:]
        case _:
            return data[:at] + chance.choice(TOKENS) + data[at + chance.randint(0, 4) :]


def _structured(data: bytes, chance: random.Random) -> bytes:
    """JSON with one value replaced, renamed or removed; of other texts a number or a word replaced."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        words = data.split(b" ") if b" " in data else data.split(b",")
        strange = str(chance.choice(STRANGE)).encode("utf-8", "surrogatepass")
        words[chance.randrange(len(words))] = strange
        return (b" " if b" " in data else b",").join(words)
    holder = {"": value}
    place: Any = holder
    key: Any = ""
    while isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.8:
        place = place[key]
        key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
    match chance.randrange(4):
        case 0 if place is not holder:
            del place[key]
        case 1 if isinstance(place, dict) and place is not holder:
            place[chance.choice(["", "x", "schema_version", str(key) + " "])] = place.pop(key)
        case _:
            place[key] = chance.choice(STRANGE)
    end = b"\n" if data.endswith(b"\n") else b""
    return json.dumps(holder[""]).encode("utf-8", "surrogatepass") + end


def wrong(parser: Parser, data: bytes, folder: Path) -> Exception | None:
    """What the parser raises that it may not; `None` where it does as it should."""
    for left in folder.iterdir():
        left.unlink()
    try:
        parser.read(data, folder)
    except Exception as error:  # noqa: BLE001  # what is looked for
        return None if isinstance(error, (UsageError, *parser.allowed)) else error
    return None


def place_of(error: Exception) -> str:
    """Kind of an exception and where Anatomy raised it: findings of one place are one."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "fuzz.py" not in f.filename]
    own = [f for f in frames if "anatomy" in f.filename or str(ROOT) in f.filename] or frames
    return f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else type(error).__name__


def shortened(parser: Parser, data: bytes, folder: Path, place: str) -> bytes:
    """The input without what the finding does not need, as far as some tries get."""
    size, end = len(data) // 2, time.monotonic() + LONGEST_SHORTENING_S
    while size and time.monotonic() < end:
        for at in range(0, len(data), size):
            tried = data[:at] + data[at + size :]
            error = wrong(parser, tried, folder)
            if error is not None and place_of(error) == place:
                data = tried
                break
        else:
            size //= 2
    return data


def fuzz(minutes: float, seed: int, only: str | None) -> dict[str, tuple[str, bytes]]:
    """Findings by place: parser and input."""
    chance, found, tried = random.Random(seed), dict[str, tuple[str, bytes]](), Counter[str]()
    chosen = {name: parser for name, parser in parsers().items() if only in (None, name)}
    if not chosen:
        raise SystemExit(f"--only {only}: expected one of {', '.join(parsers())}")
    end = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        while time.monotonic() < end:
            name = chance.choice(list(chosen))
            parser = chosen[name]
            data = mutated(chance.choice(parser.valid), parser.valid, chance)
            tried[name] += 1
            error = wrong(parser, data, folder)
            if error is None or (place := f"{name}: {place_of(error)}") in found:
                continue
            found[place] = name, shortened(parser, data, folder, place_of(error))
            print(f"{place}: {error!s:.200}\n    {found[place][1][:300]!r}", flush=True)
    print(
        f"{sum(tried.values())} inputs, seed {seed}: " + ", ".join(f"{name} {n}" for name, n in sorted(tried.items()))
    )
    return found


_GUIDE = """
import sys, atheris
with atheris.instrument_imports(include=["anatomy"]):
    from tests.benchmarks import fuzz
fuzz.guide(sys.argv[1], int(sys.argv[2]))
"""


def fuzz_guided(minutes: float, only: str | None) -> list[str]:
    """Names of the parsers in which Atheris found something, each in a process of its own: it ends its process."""
    chosen = [name for name in parsers() if only in (None, name)]
    seconds, found = max(1, round(60 * minutes / len(chosen))), []
    for name in chosen:
        command = [sys.executable, "-c", _GUIDE, name, str(seconds)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        runs = re.search(r"Done (\d+) runs", done.stderr)
        print(f"{name}: {runs[1] if runs else 'no'} inputs to the end", flush=True)
        # A process that did not come to its end has tried nothing that can be counted on.
        if done.returncode or not runs:
            found.append(name)
            print(done.stdout[-2000:] + done.stderr[-2000:], flush=True)
    return found


def guide(name: str, seconds: int) -> None:
    """Let Atheris choose inputs of one parser; ends the process, with another status than 0 where one is wrong."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # where it is installed

    parser = parsers()[name]
    with tempfile.TemporaryDirectory() as made:
        folder, corpus = Path(made) / "files", Path(made) / "corpus"
        for one in (folder, corpus):
            one.mkdir()
        FOUND.mkdir(exist_ok=True)
        for number, data in enumerate(parser.valid):
            (corpus / str(number)).write_bytes(data)

        def try_one(data: bytes) -> None:
            error = wrong(parser, data, folder)
            if error is not None:
                print(f"{name}: {place_of(error)}: {error!s:.200}\n    {data[:300]!r}", flush=True)
                raise error

        limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={FOUND}/{name}-"]
        atheris.Setup([name, *limits, str(corpus)], try_one)
        atheris.Fuzz()


def main() -> None:
    """Fuzz for some minutes; ends with status 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--only")
    parser.add_argument("--guided", action="store_true", help="by coverage, with Atheris")
    given = parser.parse_args()
    found = fuzz_guided(given.minutes, given.only) if given.guided else fuzz(given.minutes, given.seed, given.only)
    print(f"{len(found)} found" if found else "nothing found")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
