"""The published JSON Schema is the records' own, and real records satisfy it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from anatomy.bench.records.record import Record

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "records.schema.json"
EXAMPLE = ROOT / "reports" / "examples" / "quick" / "records.jsonl"


def test_the_published_schema_is_the_records_own() -> None:
    assert json.loads(SCHEMA.read_text()) == Record.model_json_schema(mode="serialization")


def test_records_satisfy_it_whatever_version_they_were_written_with() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    lines = EXAMPLE.read_text().splitlines()
    assert len(lines) > 50
    for line in lines:
        validator.validate(json.loads(Record.model_validate_json(line).model_dump_json()))


def test_it_refuses_a_wrong_unit_or_name() -> None:
    record = json.loads(Record.model_validate_json(EXAMPLE.read_text().splitlines()[0]).model_dump_json())
    schema = json.loads(SCHEMA.read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "step_ms": [1.0]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "peak_host_bytes": "12 MiB"}, schema)
