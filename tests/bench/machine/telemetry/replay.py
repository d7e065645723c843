"""Answers from a recorded session in the place of the functions of the real binding, with its structures and errors."""

from __future__ import annotations

import ctypes
import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pynvml
import pytest

from tests.bench.machine.telemetry.nvml_answers import FUNCTIONS, SAMPLES, Spelling, decode

FOLDER = Path(__file__).parents[3] / "data" / "nvml"
SESSIONS = sorted(path.stem for path in FOLDER.glob("*.json"))
_FILLED = ("nvmlGpmSampleGet", "nvmlGpmMigSampleGet")
_HANDLES = ("nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMigDeviceHandleByIndex")


class Replay:
    """One session. Its process is this one; `asked` counts the questions, `open` and `samples` what is still held."""

    def __init__(self, name: str) -> None:
        self.session: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
        self.asked: dict[str, int] = {}
        self.open = 0
        self.samples = 0
        self._spelling = Spelling()
        self._memory: list[Any] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put every function of the binding's in the replay's hands, and CUDA's variables as they were."""
        for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
            monkeypatch.delenv(name, raising=False)
        for name, value in self.session["environment"].items():
            monkeypatch.setenv(name, value)
        for name, function in list(vars(pynvml).items()):
            if isinstance(function, FunctionType) and name.startswith("nvml") and not name.startswith("nvmlStruct"):
                monkeypatch.setattr(pynvml, name, self._answering(name, function))

    def _answering(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*args: Any) -> Any:
            inspect.signature(function).bind(*args)
            assert name in FUNCTIONS, f"{name} is not among the functions that can be recorded"
            return self._answer(name, args)

        return answer

    def _answer(self, name: str, args: tuple[Any, ...]) -> Any:
        question = self._spelling.question(name, args)
        place = self.asked.get(question, 0)
        self.asked[question] = place + 1
        answers = self.session["answers"].get(question)
        if answers is None and name in ("nvmlShutdown", "nvmlGpmSampleAlloc", "nvmlGpmSampleFree"):
            answers = [None]
        assert answers is not None, f"{self.session['about']}: no answer to {question}"
        said = answers[min(place, len(answers) - 1)]
        if name == "nvmlDeviceGetComputeRunningProcesses_v3" and isinstance(said, list):
            said = [one | {"pid": os.getpid()} if one["pid"] == self.session["pid"] else one for one in said]
        result = decode(pynvml, name, args, said)
        if name in _HANDLES:
            result = self._pointer(pynvml.c_nvmlDevice_t)
        if name in _HANDLES or name in _FILLED:
            self._spelling.learn(name, args, result)
        self.open += {"nvmlInit": 1, "nvmlShutdown": -1}.get(name, 0)
        self.samples += {"nvmlGpmSampleAlloc": 1, "nvmlGpmSampleFree": -1}.get(name, 0)
        return self._pointer(pynvml.c_nvmlGpmSample_t) if name == SAMPLES[0] else result

    def _pointer(self, kind: Any) -> Any:
        self._memory.append(ctypes.create_string_buffer(8))
        return ctypes.cast(self._memory[-1], kind)
