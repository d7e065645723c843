"""What is written as an XSpace is read back, by the reader and by no import of a framework."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.xla.xplane_pb2 import XSpace
from anatomy.bench.xla.xspace import Event, Line, Plane, read_xspace
from anatomy.bench.xla.xspace_writer import operation_event, step_event, write_xspace

# Text that UTF-8 can say.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.booleans(), st.floats(allow_nan=False), st.binary(max_size=8), texts
)
# Half a day of whole nanoseconds: exact in picoseconds and in a float.
times = st.integers(0, 43_200 * 10**9).map(float)
events = st.builds(
    Event, texts, times, times, st.dictionaries(texts, numbers, max_size=3), texts.map(lambda text: f"shown {text}")
)
lines = st.builds(Line, texts, st.lists(events, max_size=4).map(tuple))
planes = st.lists(st.builds(Plane, texts, st.lists(lines, max_size=3).map(tuple)), max_size=3)


@settings(max_examples=60, deadline=None)
@given(written=planes)
def test_what_is_written_is_read(written: list[Plane], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("trace") / "vm.xplane.pb"
    write_xspace(path, written)
    starts = [event.start_ns for plane in written for line in plane.lines for event in line.events]
    origin_ns = min(starts, default=0.0)
    shifted = [
        Plane(name, tuple(Line(line.name, tuple(_from(event, origin_ns) for event in line.events)) for line in lines))
        for name, lines in written
    ]
    assert read_xspace(path) == shifted


def _from(event: Event, origin_ns: float) -> Event:
    return event._replace(start_ns=event.start_ns - origin_ns)


def test_a_time_of_day_is_written_from_the_first_event_on(tmp_path: Path) -> None:
    started_ns = 1_795_601_786 * 10**9
    path = tmp_path / "vm.xplane.pb"
    events = (Event("a", started_ns + 512, 5), Event("b", started_ns, 1))
    write_xspace(path, [Plane("/host:CPU", (Line("main", events),))])
    assert [event.start_ns for event in read_xspace(path)[0].lines[0].events] == [512, 0]


def test_a_reference_is_read_as_its_text_and_an_event_has_what_its_kind_has(tmp_path: Path) -> None:
    space = XSpace()
    plane = space.planes.add(name="/device:GPU:0")
    for number, name in enumerate(("tf_op", "flops", "model/dense/MatMul"), start=1):
        plane.stat_metadata[number].name = name
    plane.event_metadata[7].name = "gemm"
    plane.event_metadata[7].stats.add(metadata_id=1, ref_value=3)
    plane.event_metadata[7].stats.add(metadata_id=2, uint64_value=1)
    line = plane.lines.add(name="stream 0", timestamp_ns=1000)
    line.events.add(metadata_id=7, offset_ps=1500, duration_ps=250).stats.add(metadata_id=2, uint64_value=9)
    line.events.add(metadata_id=7, offset_ps=2000)
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(space.SerializeToString())
    first, second = read_xspace(path)[0].lines[0].events
    assert first == Event("gemm", 1001.5, 0.25, {"tf_op": "model/dense/MatMul", "flops": 9})
    assert second.metadata == {"tf_op": "model/dense/MatMul", "flops": 1}


def test_times_of_day_keep_their_nanoseconds(tmp_path: Path) -> None:
    space = XSpace()
    for name, since_ns in (("/host:CPU", 700), ("/device:GPU:0", 0)):
        line = space.planes.add(name=name).lines.add(name="main", timestamp_ns=1_795_601_786 * 10**9 + since_ns)
        line.events.add(offset_ps=3000, duration_ps=1000)
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(space.SerializeToString())
    assert [plane.lines[0].events[0].start_ns for plane in read_xspace(path)] == [703, 3]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (Event("open", 1, float("nan")), "event 'open' starts at 1 ns and takes nan ns"),
        (Event("open", 1, -1), "leave out events that did not end"),
        (Event("conv", 1, 1, {"shape": [1, 2]}), "shape of event 'conv' is \\[1, 2\\]: expected text"),
        (Event("conv", 1, 1, {"id": 2**64}), "a number of 64 bits"),
    ],
)
def test_what_cannot_be_written_is_named(event: Event, says: str, tmp_path: Path) -> None:
    path = tmp_path / "vm.xplane.pb"
    with pytest.raises(UsageError, match=says):
        write_xspace(path, [Plane("/host:CPU", (Line("main", (event,)),))])
    assert not path.exists()


def test_a_file_that_is_no_trace_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_xspace(tmp_path / "none.xplane.pb")
    damaged = tmp_path / "damaged.xplane.pb"
    damaged.write_bytes(b"no protobuf")
    with pytest.raises(UsageError, match="is no XSpace"):
        read_xspace(damaged)


def test_a_file_that_is_cut_short_or_damaged_says_where(tmp_path: Path) -> None:
    path = tmp_path / "vm.xplane.pb"
    for number in (1, 2):
        write_xspace(path, [Plane(f"/host:{n}", (Line("main", (Event("conv", 1, 1),)),)) for n in range(number)])
        if number == 1:
            first = len(path.read_bytes())
    whole = path.read_bytes()
    for end in range(1, len(whole)):
        path.write_bytes(whole[:end])
        if end == first:
            assert len(read_xspace(path)) == 1
            continue
        start = 1 if end < first else first + 1
        with pytest.raises(
            UsageError, match=rf"vm.xplane.pb is no XSpace: (the file ends in the head of )?the field at byte {start}\b"
        ):
            read_xspace(path)
    path.write_bytes(whole[: first + 2] + b"\xff" * (len(whole) - first - 2))
    with pytest.raises(UsageError, match=f"the field at byte {first + 1} is damaged"):
        read_xspace(path)
    path.write_bytes(whole + b"\x0f")
    with pytest.raises(UsageError, match=f"no field begins with byte {len(whole) + 1}"):
        read_xspace(path)


@given(number=st.integers(16, 2**29 - 1), content=st.binary(max_size=200), share=st.floats(0, 1, exclude_max=True))
def test_a_cut_field_of_any_number_says_where(
    number: int, content: bytes, share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A newer profiler may write fields that are not known here."""
    path = tmp_path_factory.getbasetemp() / "cut.xplane.pb"
    write_xspace(path, [Plane("/host:CPU", (Line("main", ()),))])
    whole = path.read_bytes()
    head = varint(number << 3 | 2) + varint(len(content))
    cut = (head + content)[: 1 + int(share * (len(head) + len(content) - 1))]
    path.write_bytes(whole + cut)
    if cut == head + content:
        assert len(read_xspace(path)) == 1
        return
    there = len(cut) - len(head)
    field = f"the field at byte {len(whole) + 1}"
    says = f"{field} has {len(content):,} bytes, and the file ends after {there:,} of them;"
    if there < 0:
        says = f"the file ends in the head of {field};"
    with pytest.raises(UsageError, match=says):
        read_xspace(path)


def varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])


@pytest.mark.parametrize(
    ("made", "name", "shown"),
    [
        (operation_event("aten::addmm", 0, 1), "addmm:addmm", "aten::addmm"),
        (operation_event("aten::mm", 0, 1, scope="net/dense 1"), "net/dense_1/mm:mm", "aten::mm"),
        (operation_event("Optimizer.step#Adam.step", 0, 1), "Optimizer_step_Adam_step:Optimizer_step_Adam_step", None),
        (operation_event("", 0, 1), "unnamed:unnamed", ""),
    ],
)
def test_an_operation_has_a_type_and_keeps_its_name(made: Event, name: str, shown: str | None) -> None:
    assert made.name == name
    assert made.display_name == ("Optimizer.step#Adam.step" if shown is None else shown)


def test_a_step_is_a_root_with_its_number() -> None:
    assert step_event(3, 0, 1).metadata == {"_r": 1, "step_num": 3}
