"""The published JSON Schema is the records' own; records of every version load, satisfy it and keep their figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.record import SCHEMA_VERSION, Record

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "records.schema.json"
EXAMPLE = ROOT / "reports" / "examples" / "quick" / "records.jsonl"
# One line of each version, as the code of its time has written it, figures that it derived included.
RECORDED = ROOT / "tests" / "data" / "records"


def test_the_published_schema_is_the_records_own() -> None:
    assert json.loads(SCHEMA.read_text()) == Record.model_json_schema(mode="serialization")


@pytest.mark.long
def test_records_of_the_example_satisfy_it() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    # A tenth of them has every mode and backend.
    records = [Record.model_validate_json(line) for line in EXAMPLE.read_text().splitlines()[::10]]
    assert len({(record.case.mode, record.case.backend) for record in records}) > 10
    for record in records:
        validator.validate(json.loads(record.model_dump_json()))


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_a_record_of_each_version_loads_and_derives_the_same_figures(version: int) -> None:
    path = RECORDED / f"v{version}.jsonl"
    written = json.loads(path.read_text())
    assert written["schema_version"] == version
    (record,) = read_records(path)
    read = json.loads(record.model_dump_json())
    jsonschema.validate(read, json.loads(SCHEMA.read_text()))
    figures = Record.model_computed_fields.keys() & written.keys()
    assert figures >= {"key", "throughput_examples_per_s", "step_median_s", "step_p90_s", "peak_host_above_base_bytes"}
    assert_kept(read, written)


def assert_kept(read: Any, written: Any) -> None:
    """All that was written is read; fields may have been added since."""
    if isinstance(written, dict):
        for name in written:
            assert_kept(read[name], written[name])
    elif isinstance(written, list):
        for one, other in zip(read, written, strict=True):
            assert_kept(one, other)
    else:
        assert read == pytest.approx(written)


@pytest.mark.long
def test_it_refuses_a_wrong_unit_or_name() -> None:
    record = json.loads(Record.model_validate_json(EXAMPLE.read_text().splitlines()[0]).model_dump_json())
    schema = json.loads(SCHEMA.read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "step_ms": [1.0]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "peak_host_bytes": "12 MiB"}, schema)
