"""A run with profiles, one of them failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.records.case_profile import Profile, append_profile
from anatomy.bench.records.run_store import Run
from tests.factories import failed_profile, make_record, make_run, nested_profile


def profiled_run(folder: Path, *profiles: Profile, identifier: str = "2026-01-31T12-00-00Z") -> Run:
    """A run of one record, with profiles beside it."""
    run = make_run(folder, [make_record(case={"mode": "train", "backend": "jax"})], identifier=identifier)
    for profile in profiles:
        append_profile(folder, profile)
    return run


@pytest.fixture(scope="session")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> Run:
    profiles = (
        nested_profile("jax"),
        nested_profile("tensorflow", host_dispatch=2e-2, communication=1e-3),
        failed_profile("torch"),
    )
    return profiled_run(tmp_path_factory.mktemp("profiled") / "run", *profiles)
