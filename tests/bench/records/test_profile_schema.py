"""The published JSON Schema of profiles is their own, and a recorded profile of each version loads."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from anatomy.bench.records.case_profile import PROFILES_FILE, Profile, append_profile, read_profiles
from tests.bench.conftest import TESTS

SCHEMA = TESTS.parent / "docs" / "profiles.schema.json"
RECORDED = sorted((TESTS / "data" / "profiles").glob("v*.jsonl"))


def test_the_published_schema_is_the_profiles_own() -> None:
    assert json.loads(SCHEMA.read_text()) == Profile.model_json_schema(mode="serialization")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_profiles_load_and_satisfy_it(path: Path, tmp_path: Path) -> None:
    (tmp_path / PROFILES_FILE).write_text(path.read_text())
    found = read_profiles(tmp_path)
    assert {profile.case.backend for profile in found} == {"tensorflow", "jax", "torch"}
    schema = json.loads(SCHEMA.read_text())
    for profile in found:
        jsonschema.validate(json.loads(profile.model_dump_json()), schema)
        assert profile.gaps is not None
        assert profile.gaps.sum == pytest.approx(profile.gaps.step, rel=0.05)


def test_a_profile_taken_again_replaces_the_one_before(tmp_path: Path) -> None:
    assert read_profiles(tmp_path) == []
    (profile, *_) = (Profile.model_validate_json(line) for line in RECORDED[0].read_text().splitlines())
    append_profile(tmp_path, profile)
    again = profile.model_copy(update={"step": 1.0})
    append_profile(tmp_path, again)
    assert read_profiles(tmp_path) == [again]


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    first, second, *_ = (Profile.model_validate_json(line) for line in RECORDED[0].read_text().splitlines())
    append_profile(tmp_path, first)
    with (tmp_path / PROFILES_FILE).open("a") as file:
        file.write(second.model_dump_json()[:100])
    assert read_profiles(tmp_path) == [first]
    append_profile(tmp_path, second)
    assert read_profiles(tmp_path) == [first, second]
