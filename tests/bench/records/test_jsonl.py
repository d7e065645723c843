"""JSON Lines: what was cut off while it was written, and what is no object, named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case_profile import PROFILES_FILE, read_profiles
from anatomy.bench.records.jsonl import append_line
from anatomy.bench.records.read_records import read_records
from anatomy.bench.records.run_store import RECORDS_FILE, RUN_FILE, RunWriter, load_run
from tests.factories import make_bare_record, make_case, make_header

DAMAGED = {
    "no JSON": b"{not json}",
    "a list": b"[1]",
    "null": b"null",
    "a number": b"3",
    "not UTF-8": b'{"schema_version": 1, "name": "\xff"}',
    "nested too deep": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of too many digits": b'{"schema_version": ' + b"1" * 5000 + b"}",
    "no version": b"{}",
    "a version that is none": b'{"schema_version": true}',
}


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_line_is_named_with_its_file(tmp_path: Path, line: bytes) -> None:
    RunWriter.create(tmp_path, make_header(make_case())).append(make_bare_record())
    for file, read in ((RECORDS_FILE, load_run), (PROFILES_FILE, read_profiles)):
        with (tmp_path / file).open("ab") as stream:
            stream.write(line + b"\n")
        with pytest.raises(UsageError, match=rf"^\S+{file}, line \d ") as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 600
        (tmp_path / file).unlink()


@pytest.mark.parametrize("text", [*DAMAGED.values(), b"", b"{"], ids=[*DAMAGED, "empty", "cut off"])
def test_a_damaged_header_is_named_with_its_file(tmp_path: Path, text: bytes) -> None:
    RunWriter.create(tmp_path, make_header(make_case()))
    (tmp_path / RUN_FILE).write_bytes(text)
    with pytest.raises(UsageError, match=rf"^\S+{RUN_FILE} ") as caught:
        load_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_was_cut_off_is_not_read_and_goes_with_the_next_line(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    append_line(file, '{"a": 1}')
    whole = file.read_bytes()
    with file.open("ab") as stream:
        stream.write('{"b": "…'.encode()[:-1])
    append_line(file, '{"b": 2}')
    assert file.read_bytes() == whole + b'{"b": 2}\n'


def test_a_first_line_that_was_cut_off_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b'{"a')
    assert read_records(file) == []
    append_line(file, "{}")
    assert file.read_bytes() == b"{}\n"


def test_empty_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    file = tmp_path / RECORDS_FILE
    file.write_text("\n" + make_bare_record().model_dump_json() + "\n\n")
    assert len(read_records(file)) == 1
    file.write_text("\n\nnull\n")
    with pytest.raises(UsageError, match="line 3"):
        read_records(file)


def test_a_record_of_another_alphabet_comes_back(tmp_path: Path) -> None:
    append_line(tmp_path / RECORDS_FILE, make_bare_record(name="Größe 模型").model_dump_json())
    assert read_records(tmp_path / RECORDS_FILE)[0].name == "Größe 模型"


@pytest.mark.parametrize("model", ["مدل\u200cها/net.py:build", "soft\u00adhyphen.py:build", "👩\u200d🔬.py:build"])
def test_a_case_keeps_its_key_whatever_shapes_its_script(model: str, tmp_path: Path) -> None:
    record = make_bare_record(name=f"{model} infer")
    record = record.model_copy(update={"case": record.case.model_copy(update={"model": model})})
    append_line(tmp_path / RECORDS_FILE, record.model_dump_json())
    (read,) = read_records(tmp_path / RECORDS_FILE)
    assert (read.key, read.case.model) == (record.key, model)
    assert read.name.isascii() or read.name.isprintable()
    assert "\u200c" not in read.name
