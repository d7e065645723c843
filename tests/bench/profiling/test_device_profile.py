"""A profile of a GPU is a profile: it adds up, is shown, is explained, and says what to think of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from anatomy.bench.cli.screens.profile_screen import print_profile
from anatomy.bench.profiling.explanation import UNATTRIBUTED, explain
from anatomy.bench.profiling.profile_case import NOT_CHECKED_ON_A_GPU, caveats_on_a_gpu
from anatomy.bench.profiling.profile_tables import make_profile
from anatomy.bench.profiling.roofline_bound import CaseCeilings, LayerCeilings
from anatomy.bench.profiling.torch_kernels import torch_device_trace
from anatomy.bench.profiling.trace_events import LAUNCH, STEP
from anatomy.bench.records.case_profile import LayerTime, Profile
from anatomy.reports.profiles.profile_section import profiled_case
from anatomy.reports.run_labels import LabelledProfile
from tests.bench.profiling.recorded_steps import CONV, GEMM, LAYERS, TorchRecording, training_step
from tests.factories import make_case

CEILINGS = CaseCeilings(whole=LayerCeilings(flops_per_s=1e9, bandwidth_bytes_per_s=1e9, dtype="float32"))


def profile_of(made: TorchRecording, folder: Path, step_us: int = 400) -> Profile:
    trace = torch_device_trace(made.read(folder), LAYERS)
    taken = make_profile(trace, LAYERS, [step_us * 1e-6], 1, 390e-6, CEILINGS, caveats_on_a_gpu(trace))
    fields = {name: getattr(taken, name) for name in type(taken).model_fields if name != "event"}
    return Profile(case=make_case(), name="mlp", **fields)


def compiled_step() -> TorchRecording:
    made = TorchRecording()
    made.span(STEP, 0, 400)
    made.span(LAUNCH, 0, 300)
    made.work("triton_poi_fused_relu_0", 20, 40, 90)
    made.work(GEMM, 30, 90, 200)
    return made


def shown(profile: Profile) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_profile(console, profile)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # the file is a StringIO
    return text


def layers(profile: Profile) -> dict[str, LayerTime]:
    return {layer.name: layer for layer in profile.layers}


def test_it_adds_up(tmp_path: Path) -> None:
    profile = profile_of(training_step(), tmp_path)
    gaps = profile.gaps
    assert gaps is not None
    assert round(1e9 * gaps.sum) == round(1e9 * gaps.step) == 400_000
    assert profile.device_time == pytest.approx(gaps.device_compute + gaps.communication)
    waiting = gaps.input_wait + gaps.host_dispatch + gaps.idle
    assert sum(profile.idle_causes.values()) == pytest.approx(waiting)
    assert sum(kind.time for kind in profile.kinds) + gaps.idle == pytest.approx(gaps.sum)
    conv = layers(profile)["conv"]
    assert (conv.forward, conv.backward) == pytest.approx((24e-6, 40e-6))
    assert conv.host == pytest.approx(26e-6)


def test_layers_have_their_share_of_the_ceiling_and_of_tensor_cores(tmp_path: Path) -> None:
    conv, norm, dense = (layers(profile_of(training_step(), tmp_path))[name] for name in ("conv", "norm", "dense"))
    assert conv.ceiling_share == pytest.approx(6000 / 64e-6 / 1e9)
    # Forward 20 µs on tensor cores, backward 40 µs off them; the change of layout is no product.
    assert conv.tensor_core_share == pytest.approx(20 / 60)
    assert dense.tensor_core_share == 0
    assert (norm.ceiling_share, norm.tensor_core_share) == (None, None)


def test_terminal_and_report_say_why_nothing_ran_and_what_was_not_checked(tmp_path: Path) -> None:
    profile = profile_of(training_step(), tmp_path)
    text = shown(profile)
    assert "nothing ran on the GPU: 0.100 ms host-bound, nothing launched, 0.087 ms launched, on its way" in text
    assert "has not been checked on a GPU: compare it with" in " ".join(text.split())
    case = profiled_case(LabelledProfile("", "mlp", profile), 0)
    assert case.facts[0].startswith("Caveat: time by layer is read from the GPU's own records")
    assert case.facts[1].startswith("Nothing ran on the GPU: host-bound, nothing launched, 0.1 ms; ")
    assert case.layers is not None
    assert "on tensor cores" in str(case.layers)


def test_without_any_layer_it_is_shown_and_explained_as_well(tmp_path: Path) -> None:
    eager, compiled = profile_of(training_step(), tmp_path), profile_of(compiled_step(), tmp_path)
    assert (compiled.layers, compiled.unattributed_share) == ([], 1.0)
    assert "made by torch.compile" in shown(compiled)
    # What this step's trace says comes before what is true of every GPU.
    assert compiled.caveats[0].startswith("2 of 2 kernels and copies are of a step made by torch.compile")
    assert compiled.caveats[1:] == [NOT_CHECKED_ON_A_GPU]
    assert profiled_case(LabelledProfile("", "mlp", compiled), 0).tree is not None
    found = explain(eager, compiled)
    assert sum(change.delta for change in found.layers) == pytest.approx(found.difference, abs=1e-12)
    assert {"conv", UNATTRIBUTED} <= {change.name for change in found.layers}


def test_a_slower_layer_is_found_by_its_name(tmp_path: Path) -> None:
    slow = training_step()
    (kernel,) = (event for event in slow.events if event["name"] == CONV)
    ended = kernel["ts"] + kernel["dur"]
    # Everything that follows is as much later, on the host, too.
    for event in slow.events:
        if event["ts"] >= ended:
            event["ts"] += 40
        elif event is kernel or event["ts"] + event["dur"] > ended:
            event["dur"] += 40
    before, after = profile_of(training_step(), tmp_path), profile_of(slow, tmp_path, 440)
    found = explain(before, after, steps=(400e-6, 440e-6))
    assert found.layers[0].name == "conv"
    assert found.layers[0].delta == pytest.approx(40e-6)
