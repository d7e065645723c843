"""Tables of profiles."""

from __future__ import annotations

import pytest

from anatomy.bench.records.case_profile import Profile
from anatomy.reports.run_labels import LabelledProfile
from anatomy.reports.table import Table
from anatomy.reports.tables import gap_table, kind_table, layer_table
from tests.factories import failed_profile, make_profile, nested_profile, operation


def labelled(*profiles: Profile, label: str = "run") -> list[LabelledProfile]:
    return [LabelledProfile(label, profile.name, profile) for profile in profiles]


def cells(table: Table, row: int = 0) -> dict[str, str]:
    return {column.key: table.cell(row, column) for column in table.columns}


def test_layers_and_what_is_unattributed_make_up_the_device_time() -> None:
    profile = nested_profile()
    frame = layer_table(labelled(profile)).frame
    assert frame["time_s"].sum() == pytest.approx(profile.device_time)
    assert frame["time_share"].sum() == pytest.approx(1.0)
    assert frame["flops_share"].sum() == pytest.approx(1.0)
    assert frame["time_s"].is_monotonic_decreasing
    assert (frame["layer"] == "(unattributed)").sum() == 1


def test_the_shortest_layers_share_a_row_that_keeps_the_sums() -> None:
    profile = nested_profile()
    table = layer_table(labelled(profile), most=5)
    assert len(table.frame) == 5 + 2
    (row,) = (n for n, name in enumerate(table.frame["layer"]) if "shorter layers" in name)
    assert cells(table, row)["layer"] == f"({len(profile.layers) - 5} shorter layers)"
    assert table.frame["time_s"].sum() == pytest.approx(profile.device_time)
    assert table.frame["flops_share"].sum() == pytest.approx(1.0)


def test_a_layers_row_says_what_it_did() -> None:
    layers = {"a": [operation(time=3e-3), operation(time=1e-3, kind="data movement", pass_="backward")]}
    row = cells(layer_table(labelled(make_profile(layers, flops={"a": 8_000_000})), named=False))
    assert "case" not in row
    assert row["time_s"] == "4.00"
    assert (row["forward_s"], row["backward_s"]) == ("3.00", "1.00")
    assert row["flops_per_s"] == "2.00"
    assert row["bound"] == "compute"
    assert row["kinds"] == "convolution 75 %, data movement 25 %"


def test_what_a_layer_lacks_says_why() -> None:
    layers = {"a": [operation()], "(optimizer)": [operation(time=1e-6)]}
    table = layer_table(labelled(make_profile(layers, not_measured={"bound": "no ceilings; run anatomy doctor"})))
    bound = next(column for column in table.columns if column.key == "bound")
    assert table.absence(0, bound).reason == "no ceilings; run anatomy doctor"
    assert cells(table)["flops"] == "not counted"
    assert cells(table, 1)["flops"] == "no layer"
    assert cells(table, 1)["host_s"] == "not known"


def test_a_layer_without_products_has_no_rate_to_achieve() -> None:
    profile = make_profile({"a": [operation()], "dropout": [operation(time=1e-6)]}, flops={"a": 10, "dropout": 0})
    (layer,) = (one for one in profile.layers if one.name == "dropout")
    without = layer.model_copy(update={"flops_per_s": None})
    table = layer_table(labelled(profile.model_copy(update={"layers": [without]})))
    assert cells(table)["flops_per_s"] == "none"
    assert cells(table)["flops"] == "0"


def test_gaps_are_shares_of_the_traced_step_and_tracing_has_its_cost() -> None:
    profile = make_profile({"a": [operation(time=0.6)]}, input_wait=0.1, idle=0.2, missed=0.1, step=0.8)
    row = cells(gap_table(labelled(profile)))
    assert row["tracing_cost"] == "25.0"
    assert (row["input_wait_share"], row["device_compute_share"], row["idle_share"]) == ("10.0", "60.0", "20.0")
    assert row["sum_share"] == "90.0"
    assert row["sum_s"] == "900"
    assert row["unattributed_share"] == "0"


def test_a_failed_case_has_a_row_with_its_reason_and_no_figures() -> None:
    table = gap_table(labelled(nested_profile(), failed_profile()))
    row = cells(table, 1)
    assert row["outcome"] == row["traced_step_s"] == row["sum_share"] == "crashed"
    assert row["reason"] == "MemoryError: <b>too</b> much"
    assert layer_table(labelled(failed_profile())).frame.empty
    assert kind_table(labelled(failed_profile())).frame.empty


def test_kinds_have_a_column_where_any_case_did_them() -> None:
    one = make_profile({"a": [operation(time=1.0)]})
    two = make_profile({"a": [operation(time=1.0, kind="matrix product")]}, host_dispatch=3.0)
    table = kind_table(labelled(one, two))
    assert cells(table, 1)["matrix_product_share"] == "25.0"
    assert cells(table, 1)["convolution_share"] == "none"
    assert cells(table, 1)["host_share"] == "75.0"
    assert "recurrent_share" not in table.frame.columns


def test_several_runs_are_told_apart() -> None:
    both = [*labelled(nested_profile(), label="one"), *labelled(nested_profile(), label="two")]
    for table in (gap_table(both), kind_table(both), layer_table(both)):
        assert set(table.frame["run"]) == {"one", "two"}
