"""NVML opened, and what can be seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from anatomy.bench.machine.telemetry import device_sampler, nvml_library
from anatomy.bench.machine.telemetry.device_sampler import DeviceSampler
from anatomy.bench.machine.telemetry.nvml_library import list_gpus, nvml, open_nvml, visible_devices
from tests.bench.machine.telemetry.conftest import Installed


def test_names_and_driver(installed: Installed) -> None:
    replay = installed("two_gpus")
    gpus = list_gpus()
    assert gpus.names == ("NVIDIA A100-SXM4-80GB",) * 2
    assert (gpus.driver, gpus.reason, gpus.doubt) == ("535.129.03", "", "")
    assert replay.open == 0


def test_what_cuda_hides_is_not_listed(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("two_gpus")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert list_gpus().names == ()
    assert "shows no device" in list_gpus().reason
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert len(list_gpus().names) == 1


def test_without_a_driver_there_is_its_reason(installed: Installed) -> None:
    replay = installed("no_driver")
    assert list_gpus().reason == "NVML: NVML Shared Library Not Found"
    assert replay.open == 0


def test_an_instance_has_its_own_name(installed: Installed) -> None:
    installed("mig")
    assert list_gpus().names == ("NVIDIA A100-SXM4-40GB MIG 3g.20gb",)


def test_a_gpu_that_does_not_answer_hides_no_other(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("two_gpus")
    library = nvml()
    handle_of = library.nvmlDeviceGetHandleByIndex

    def lost(index: int) -> object:
        if index in gone:
            raise library.NVMLError(library.NVML_ERROR_GPU_IS_LOST)
        return handle_of(index)

    monkeypatch.setattr(library, "nvmlDeviceGetHandleByIndex", lost)
    for gone in ({0}, {1}):
        gpus = list_gpus()
        assert gpus.names == ("NVIDIA A100-SXM4-80GB",)
        assert gpus.reason == ""
        assert f"GPU {min(gone)} does not answer (GPU is lost)" in gpus.doubt
        with open_nvml():
            _, (device,) = visible_devices(library)
        assert device.index == 1 - min(gone)
    gone = {0, 1}
    assert list_gpus().names == ()
    assert list_gpus().reason == "NVML: GPU is lost"


def test_a_driver_that_does_not_return_is_given_up(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("two_gpus")
    returns, calls = threading.Event(), list[int]()

    def hang() -> None:
        calls.append(1)
        returns.wait(30)

    monkeypatch.setattr(nvml(), "nvmlInit", hang)
    monkeypatch.setattr(nvml_library, "INIT_TIMEOUT_S", 0.05)
    monkeypatch.setattr(nvml_library, "_hung", threading.Event())
    assert [list_gpus().reason for _ in range(3)] == ["NVML: Timeout"] * 3
    assert DeviceSampler().gpu_reason == "NVML: Timeout"
    assert calls == [1]
    returns.set()


def test_a_name_that_is_not_utf_8_is_shown(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("two_gpus")
    names: Iterator[str | bytes] = iter([b"GPU \xff", "GPU \x1b[31m\udcff"])

    def name_of(handle: object) -> str:
        name = next(names)
        return name.decode() if isinstance(name, bytes) else name

    monkeypatch.setattr(nvml(), "nvmlDeviceGetName", name_of)
    assert list_gpus().names == ("GPU \\xff", "GPU \\x1b[31m\\udcff")


def test_a_reading_that_does_not_end_ends_the_series(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("two_gpus")
    returns = threading.Event()
    monkeypatch.setattr(device_sampler, "STOP_TIMEOUT_S", 0.05)
    sampler = DeviceSampler()
    monkeypatch.setattr(device_sampler, "visible_devices", lambda library: returns.wait(30))
    sampler.start()
    assert sampler.stop().gpu_reason == "a reading did not end within 0.05 s"
    sampler.start()
    assert sampler.stop().gpu_reason == "a reading did not end within 0.05 s"
    monkeypatch.undo()
    returns.set()
