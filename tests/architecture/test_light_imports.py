"""What is imported, and done, without a framework or another package that takes seconds to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import make_record, make_run

FRAMEWORKS = "keras tensorflow jax torch openvino xprof"


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import anatomy.bench", f"{FRAMEWORKS} pandas numpy pydantic rich"),
        ("import anatomy.bench.cli.main", f"{FRAMEWORKS} pandas matplotlib"),
        ("import anatomy.bench.pytest_plugin.plugin", f"{FRAMEWORKS} pandas matplotlib"),
        (
            "import anatomy.models as m; m.zoo(); m.parse_model('unet-paper:classes=3')",
            f"{FRAMEWORKS} pandas matplotlib",
        ),
        ("from anatomy.reports import write_report; import anatomy.bench.cli.commands.report", FRAMEWORKS),
        (
            "import anatomy.reports.gpu_peaks, anatomy.reports.flops_utilisation as u; from anatomy.reports import *;"
            "assert callable(write_report) and u.PASSES",
            FRAMEWORKS,
        ),
        ("import anatomy.reports.gpu_peaks, anatomy.reports.flops_utilisation", f"{FRAMEWORKS} pandas matplotlib"),
        ("import anatomy.bench.runner.nodes.node_worker, anatomy.bench.regression_gate.run_gate", FRAMEWORKS),
        ("from anatomy.bench.tensorboard.export import write_tensorboard as w; assert w(run).is_dir()", FRAMEWORKS),
        (
            "from anatomy.bench.xla.xspace import *; from anatomy.bench.xla.xspace_writer import *; p = run / 'x.pb';"
            "write_xspace(p, [Plane('/host:CPU', ())]); assert len(read_xspace(p)) == 1",
            FRAMEWORKS,
        ),
    ],
)
def test_nothing_heavy_is_imported(code: str, heavy: str, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [make_record(case={"mode": "infer", "backend": "jax"})])
    program = f"import sys; from pathlib import Path; run = Path({str(run.path)!r}); {code}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(heavy.split()).isdisjoint(done.stdout.split())
