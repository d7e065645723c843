"""Real profiles on each backend that has a profiler: they add up, and a planted slowdown is found by its name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.errors import exit_codes
from anatomy.bench.records.case import Backend
from anatomy.bench.records.case_profile import Profile, read_profiles
from anatomy.bench.records.run_store import load_run
from tests.bench.conftest import TESTS
from tests.marks import extended_but, slow_but

PROFILED = [backend for backend in installed_backends() if backend != "openvino"]
UNET = "unet:depth=2,base_filters=8,input_shape=32x32x1"
LSTM = "lstm:layers=2,units=16,timesteps=10"
PLANTED = f"{TESTS / 'data' / 'planted_models.py'}:build"

pytestmark = pytest.mark.backends


def anatomy(*arguments: str, folder: Path, code: int = exit_codes.OK) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "anatomy.bench.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + (done.stderr if code else "")


def profiles(folder: Path, *arguments: str) -> list[Profile]:
    said = anatomy("profile", *arguments, "--seconds", "0.3", "--no-report", "--json", folder=folder)
    return [Profile.model_validate_json(line) for line in said.splitlines()]


@pytest.mark.parametrize("backend", extended_but(PROFILED, "jax"))
def test_a_profile_adds_up(backend: Backend, tmp_path: Path) -> None:
    train, infer = profiles(
        tmp_path, UNET, "--backend", backend, "--mode", "train,infer", "--batch-size", "8", "--out", "run"
    )
    counts = json.loads(anatomy("inspect", UNET, "--json", folder=tmp_path))
    names = {layer["name"] for layer in counts["layers"]}
    for profile, passes in ((train, 3), (infer, 1)):
        assert profile.outcome == "ok"
        assert profile.gaps is not None
        assert profile.gaps.sum == pytest.approx(profile.gaps.step, rel=0.05)
        assert profile.gaps.device_compute + profile.gaps.communication == pytest.approx(profile.device_time)
        assert sum(kind.time for kind in profile.kinds) + profile.gaps.idle == pytest.approx(profile.gaps.sum)
        assert profile.unattributed_share is not None
        assert profile.unattributed_share < 0.1
        assert sum(layer.share for layer in profile.layers) + profile.unattributed_share == pytest.approx(1)
        layers = [layer for layer in profile.layers if not layer.name.startswith("(")]
        assert {layer.name for layer in layers} <= names
        assert sum(layer.flops or 0 for layer in layers) == passes * 8 * counts["flops"]
        assert {kind.kind for kind in profile.kinds} >= {"convolution"}
        convolutions = {layer.name for layer in layers if layer.type == "Conv2D"}
        assert convolutions == {layer["name"] for layer in counts["layers"] if layer["type"] == "Conv2D"}
        backward = sum(layer.backward for layer in layers)
        assert backward > 0 if passes == 3 else backward == 0
    assert any(layer.name == "(optimizer)" for layer in train.layers)
    assert not any(layer.name == "(optimizer)" for layer in infer.layers)
    run = load_run(tmp_path / "run")
    assert [record.outcome for record in run.records] == ["ok", "ok"]
    assert read_profiles(tmp_path / "run") == [train, infer]
    assert train.trace is not None
    assert list((tmp_path / "run" / train.trace).rglob("*.xplane.pb"))


@pytest.mark.parametrize("backend", extended_but(PROFILED, "jax"))
def test_shared_layers_and_operations_that_are_nodes_have_their_own_time(backend: Backend, tmp_path: Path) -> None:
    model = f"{TESTS / 'data' / 'planted_models.py'}:woven"
    (profile,) = profiles(tmp_path, model, "--backend", backend, "--mode", "infer", "--batch-size", "256")
    assert profile.outcome == "ok", profile.reason
    layers = {layer.name: layer for layer in profile.layers}
    first, second, product = layers["first/shared"], layers["second/shared"], layers["matmul"]
    assert first.flops == second.flops == 2 * 256 * 256 * 256
    assert product.flops == 2 * 256 * 16 * 16 * 16
    assert min(first.time, second.time, product.time) > 0
    assert sum(layer.flops_share or 0 for layer in profile.layers) == pytest.approx(1)
    # No product is the input's.
    of_input = layers["(input)"].operations if "(input)" in layers else []
    assert not any(operation.kind == "matrix product" for operation in of_input)


@pytest.mark.extended
@pytest.mark.parametrize("backend", [b for b in PROFILED if b != "torch"])
def test_devices_of_one_process_exchange_gradients(backend: Backend, tmp_path: Path) -> None:
    model = "mlp:hidden=256x256,input_size=256"
    (profile,) = profiles(
        tmp_path, model, "--backend", backend, "--mode", "train", "--devices", "2", "--batch-size", "32"
    )
    assert profile.outcome == "ok", profile.reason
    counts = json.loads(anatomy("inspect", model, "--json", folder=tmp_path))
    assert profile.gaps is not None
    if backend == "tensorflow":  # On JAX it may be hidden behind products, see docs/profiling.md.
        assert profile.gaps.communication > 0
    assert profile.gaps.sum == pytest.approx(profile.gaps.step, rel=0.05)
    assert sum(layer.flops or 0 for layer in profile.layers) == 3 * profile.case.batch_size * counts["flops"]
    assert profile.unattributed_share is not None
    assert profile.unattributed_share < 0.1


@pytest.mark.skipif("torch" not in installed_backends(), reason="torch is not installed")
def test_devices_of_several_processes_are_refused(tmp_path: Path) -> None:
    options: tuple[str, ...] = ("--backend", "torch", "--mode", "train", "--devices", "2", "--batch-size", "8")
    options += ("--seconds", "0.1", "--no-report", "--json")
    said = anatomy("profile", "mlp", *options, folder=tmp_path, code=exit_codes.NOTHING_MEASURED)
    assert "the trace of a step of several processes would show one of them; use --devices 1" in said


# TensorFlow's trace of so short a step lacks most of its events now and then: on some machines in every other run.
# Quiet, since one operation that has to wait for its core outweighs a step of 4 ms.
@pytest.mark.extended
@pytest.mark.quiet
@pytest.mark.parametrize("backend", slow_but(PROFILED, *(name for name in PROFILED if name != "tensorflow")))
def test_a_recurrent_layers_time_is_its_own(backend: Backend, tmp_path: Path) -> None:
    (profile,) = profiles(tmp_path, LSTM, "--backend", backend, "--mode", "train", "--batch-size", "4")
    kinds = {kind.kind: kind.time for kind in profile.kinds}
    assert kinds["recurrent"] == max(time for kind, time in kinds.items() if kind != "host")
    recurrent = [layer for layer in profile.layers if layer.type == "LSTM"]
    assert len(recurrent) == 2
    # The cell is counted with its layer, and timed with it.
    assert all(layer.flops and layer.time > 0 for layer in recurrent)
    assert not any(layer.type == "LSTMCell" for layer in profile.layers)
    assert profile.unattributed_share is not None
    assert profile.unattributed_share < 0.1


@pytest.mark.extended
@pytest.mark.parametrize("backend", PROFILED)
def test_a_loop_waits_for_its_input(backend: Backend, tmp_path: Path) -> None:
    (profile,) = profiles(tmp_path, UNET, "--backend", backend, "--mode", "fit", "--batch-size", "8")
    assert profile.gaps is not None
    assert profile.gaps.sum == pytest.approx(profile.gaps.step, rel=0.05)
    assert profile.unattributed_share is not None
    assert profile.unattributed_share < 0.1
    # XLA computes while JAX's loop draws the next batch.
    assert profile.gaps.input_wait > 0 or backend == "jax"


@pytest.mark.quiet
@pytest.mark.parametrize("backend", PROFILED)
@pytest.mark.extended
def test_a_planted_slowdown_is_found_by_its_name(backend: Backend, tmp_path: Path) -> None:
    plain, slow = f"{PLANTED}:units=256,slow=1", f"{PLANTED}:units=256,slow=8"
    profiles(tmp_path, plain, slow, "--backend", backend, "--mode", "train", "--batch-size", "256", "--out", "run")
    said = anatomy("explain", "slow=1", "slow=8", "--run", "run", "--json", folder=tmp_path)
    (found,) = json.loads(said)
    layers: list[dict[str, Any]] = found["layers"]
    assert found["difference"] > 0
    assert layers[0]["name"] == "middle"
    assert layers[0]["share"] > 0.5
    assert sum(layer["after"] - layer["before"] for layer in layers) == pytest.approx(found["difference"])
    shown = anatomy("explain", "slow=1", "slow=8", "--run", "run", folder=tmp_path)
    assert "middle" in shown
    assert "more" in shown


@pytest.mark.extended
def test_a_run_takes_profiles_after_its_measurements(tmp_path: Path) -> None:
    options = ("--backend", "torch", "--mode", "train,predict", "--seconds", "0.3", "--profile", "--no-history")
    said = anatomy("run", "mlp", *options, "--out", "run", folder=tmp_path)
    assert "tensorboard --logdir run/tensorboard" in said
    run = load_run(tmp_path / "run")
    assert run.header.settings["profile"]
    found = read_profiles(tmp_path / "run")
    assert [profile.case for profile in found] == run.header.planned
    assert all(profile.outcome == "ok" for profile in found)
    for profile in found:
        assert profile.trace is not None
        folder = tmp_path / "run" / profile.trace
        assert list(folder.rglob("*.xplane.pb"))
        # Scalars and HParams are beside the trace.
        assert list(folder.rglob("events.out.tfevents.*"))
    assert "Where the time goes" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.quiet
@pytest.mark.extended
@pytest.mark.skipif("openvino" not in installed_backends(), reason="openvino is not installed")
def test_openvinos_counters_add_up_and_find_a_planted_slowdown(tmp_path: Path) -> None:
    plain, slow = f"{PLANTED}:units=256,slow=1", f"{PLANTED}:units=256,slow=8"
    axes = ("--backend", "openvino", "--mode", "infer", "--batch-size", "256")
    found = profiles(tmp_path, UNET, plain, slow, *axes, "--out", "run")
    for profile in found:
        assert profile.outcome == "ok", profile.reason
        assert profile.gaps is not None
        assert profile.gaps.sum == pytest.approx(profile.gaps.step, rel=0.05)
        assert profile.unattributed_share is not None
        assert profile.unattributed_share < 0.1
    unet, *_ = found
    assert {kind.kind for kind in unet.kinds} >= {"convolution"}
    (explained,) = json.loads(anatomy("explain", "slow=1", "slow=8", "--run", "run", "--json", folder=tmp_path))
    assert explained["layers"][0]["name"] == "middle"
    assert explained["layers"][0]["share"] > 0.5


@pytest.mark.extended
@pytest.mark.skipif("torch" not in PROFILED, reason="torch is not installed")
def test_what_cannot_be_profiled_is_said(tmp_path: Path) -> None:
    arguments = ("profile", "mlp", "--backend", "torch", "--mode", "infer", "--jit", "on", "--seconds", "0.2")
    said = anatomy(*arguments, "--no-report", folder=tmp_path, code=exit_codes.NOTHING_MEASURED)
    assert "name no layers" in said
    assert "--jit off" in said


def test_nothing_to_explain_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    said = anatomy("explain", "a", "b", "--run", "run", folder=tmp_path, code=exit_codes.USAGE)
    assert "anatomy profile" in said
