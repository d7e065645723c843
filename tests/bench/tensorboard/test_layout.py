"""Every case has a folder with a short name, and no other case's."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.tensorboard.log_layout import (
    case_folder,
    clear_profile_folder,
    place_trace,
    profile_folder,
    trace_file,
)
from tests.factories import make_case

LOGDIR = Path("logs")


def test_a_case_has_a_short_name_that_ends_in_its_key() -> None:
    case = make_case("vgg:depth=11,input_shape=32x32x3", mode="train", backend="jax", dtype="mixed_bfloat16", jit="on")
    assert case_folder(LOGDIR, case) == LOGDIR / f"vgg·jax·train·b32·mixed_bfloat16·jit=on·{case.key}"
    plain = make_case("vgg:depth=11", mode="infer", backend="torch", batch_size=8, devices=2)
    assert case_folder(LOGDIR, plain).name == f"vgg·torch·infer·b8·2dev·{plain.key}"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("path/to/net.py:build", "net.py:build"),
        ("../../etc/net.py:build", "net.py:build"),
        ("evil.module:<script>?&#%+", "evil.module:_script_"),
        ("mypackage.models:build", "mypackage.models:build"),
    ],
)
def test_the_model_is_named_without_its_folders_and_what_is_no_file_name(model: str, name: str) -> None:
    case = Case(model=model)
    assert case_folder(LOGDIR, case) == LOGDIR / f"{name}·tensorflow·train·b32·{case.key}"


def test_models_of_unlike_options_are_told_apart() -> None:
    cases = [make_case(f"vgg:depth={depth}", backend="jax") for depth in (11, 13, 16, 19)]
    assert len({case_folder(LOGDIR, case) for case in cases}) == 4


def test_layout_maps_are_told_apart() -> None:
    maps = [Case(model="net:build", layout_map=layout) for layout in ("", "net:rows", "net:columns")]
    assert len({case_folder(LOGDIR, case) for case in maps}) == 3


@given(first=st.text(min_size=1), second=st.text(min_size=1))
def test_no_two_cases_share_a_folder_and_none_leaves_the_log_directory(first: str, second: str) -> None:
    cases = [Case(model=f"{text.encode(errors='replace').decode()}:build") for text in (first, second)]
    folders = {case.key: case_folder(LOGDIR, case) for case in cases}
    assert len(set(folders.values())) == len(folders)
    for folder in folders.values():
        assert folder.parent == LOGDIR
        assert folder.name not in ("", ".", "..")
        # A file name has at most 255 bytes.
        assert len(folder.name.encode()) <= 200


def test_a_trace_is_moved_and_what_was_made_of_the_one_before_is_gone(tmp_path: Path) -> None:
    folder, written = tmp_path / "case", tmp_path / "written"
    stale = clear_profile_folder(folder) / "ALL_HOSTS.op_stats_v2.pb"
    stale.touch()
    taken = written / "plugins" / "profile" / "2026_01_31_12_00_00" / "vm.xplane.pb"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"trace")
    assert place_trace(folder, written) == trace_file(folder, "vm")
    assert trace_file(folder, "vm").read_bytes() == b"trace"
    assert [path.name for path in profile_folder(folder).iterdir()] == ["vm.xplane.pb"]


@pytest.mark.parametrize("hosts", [(), ("a", "b")])
def test_one_trace_is_expected(hosts: Any, tmp_path: Path) -> None:
    session = tmp_path / "written" / "plugins" / "profile" / "session"
    session.mkdir(parents=True)
    for host in hosts:
        (session / f"{host}.xplane.pb").touch()
    with pytest.raises(UsageError, match=f"holds {len(hosts)} traces"):
        place_trace(tmp_path / "case", tmp_path / "written")
