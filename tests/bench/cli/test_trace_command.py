"""`anatomy trace`: what it prints for people and programs, its page, and its exit codes."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.bench.gpu_trace.hand_made import GEMM, NCCL, event, kernel, launch, write_kineto
from tests.command import anatomy

LONG = "void at::native::elementwise_kernel<128, 2, at::native::CUDAFunctor_add<float> >(int, std::plus<float>)"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Two steps, each a matrix product, a collective beside it and a copy."""
    events = []
    for step in range(2):
        at = 1000 * step
        events += [
            event("user_annotation", f"ProfilerStep#{step}", at, 1000),
            event("cpu_op", "aten::mm", at + 5, 20),
            launch(at + 10, 10 * step + 1),
            launch(at + 30, 10 * step + 2),
            launch(at + 50, 10 * step + 3),
            kernel(GEMM, at + 100, 300, 10 * step + 1),
            kernel(NCCL, at + 200, 400, 10 * step + 2, stream=20),
            kernel(LONG, at + 700, 100, 10 * step + 3),
        ]
    events.append(event("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", 1900, 50, device=0, stream=7, bytes=5000))
    return write_kineto(tmp_path / "trace.json", events, deviceProperties=[{"id": 0, "name": "<b>NVIDIA</b> H100"}])


def test_the_terminal(trace: Path, tmp_path: Path) -> None:
    done = anatomy("trace", str(trace), folder=tmp_path, env={"COLUMNS": "80"})
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert all(cell_len(line) <= 80 for line in lines if not line.startswith(str(tmp_path)))
    text = " ".join(done.out.split())
    assert "GPU 0 (<b>NVIDIA</b> H100)" in text
    assert "6 kernels: 1.600 ms in all, in the 1.700 ms from the first to the last." in text
    assert "2 kernels, 0.800 ms, of which 0.400 ms are exposed and 0.400 ms hidden" in text
    assert "6 launches, 3 a step" in text
    assert "computing 0.800 43.2 %" in text
    assert "communication, exposed 0.400 21.6 %" in text
    assert "device to host pinned 1 0.005 0.050 0.10" in text
    assert "elementwise_kern…[CUDAFunctor_add]" in text
    assert "The launch of 1 piece of work was not recorded." in text


def test_rows_can_be_fewer(trace: Path, tmp_path: Path) -> None:
    done = anatomy("trace", str(trace), "--top", "1", folder=tmp_path)
    assert "elementwise_kernel" not in done.out


def test_json_has_every_file(trace: Path, tmp_path: Path) -> None:
    done = anatomy("trace", str(trace), str(trace), "--json", folder=tmp_path)
    first, second = done.result
    assert first == second
    assert first["source"] == "Kineto"
    (device,) = first["devices"]
    assert [step["name"] for step in device["steps"]] == ["0", "1"]
    assert device["whole"]["communication"]["hidden_ns"] == 400_000
    assert device["longest_kernels"][0]["name"] == NCCL


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_data(self, data: str) -> None:
        self.cells.append(data.strip())


def test_the_page(trace: Path, tmp_path: Path) -> None:
    page = tmp_path / "trace.html"
    done = anatomy("trace", str(trace), str(trace), "--out", str(page), folder=tmp_path)
    assert done.code == 0, done.err
    assert str(page) in done.out
    text = page.read_text()
    read = _Page()
    read.feed(text)
    assert "b" not in read.tags, "a card's name is text"
    assert len(read.ids) == len(set(read.ids))
    assert read.tags.count("svg") == 2 * (2 + 7)
    assert {"GPU 0 (<b>NVIDIA</b> H100)", "step 0", "step 1", "43.2 %", "communication, exposed"} <= set(read.cells)
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_names_with_control_characters_are_escaped(tmp_path: Path) -> None:
    odd = "\x1b[31mred\n\ud800"
    events = [
        kernel(odd, 5, 2, stream=7),
        launch(1),
        event("cpu_op", odd, 0, 3),
        event("user_annotation", f"ProfilerStep#1{odd}", 0, 10),
    ]
    path = write_kineto(tmp_path / "odd\udcff\x1b.json", events, deviceProperties=[{"id": 0, "name": odd}])
    done = anatomy("trace", str(path), "--out", "page.html", folder=tmp_path)
    assert done.code == 0, done.err
    for text in (done.out, (tmp_path / "page.html").read_text()):
        assert "\x1b" not in text
        assert "\\x1b[31mred \\ud800" in text


@pytest.mark.parametrize("content", [b"", b"{", b'{"traceEvents": []}', b"GIF89a", b"\x1f\x8b\x08"])
def test_a_file_that_is_no_trace_is_exit_code_2(content: bytes, trace: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(content)
    done = anatomy("trace", str(trace), str(other), folder=tmp_path)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith(f"anatomy trace: {other}")
    assert done.err.count("\n") == 1


def test_a_missing_file_is_exit_code_2(tmp_path: Path) -> None:
    done = anatomy("trace", "none.json", folder=tmp_path)
    assert done.code == 2
    assert "none.json does not exist" in done.err
