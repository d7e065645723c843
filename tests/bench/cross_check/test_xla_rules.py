"""XLA's rules on programs written by hand."""

from __future__ import annotations

import pytest

from anatomy.bench.cross_check.xla_rules import tally
from anatomy.bench.xla import hlo

LOOP = """HloModule jit_f, entry_computation_layout={(f32[1,4]{1,0}, f32[4,4]{1,0})->f32[1,4]{1,0}}

body.1 {
  state.1 = (s32[], f32[1,4]{1,0}, /*index=2*/f32[4,4]{1,0}) parameter(0)
  step.1 = s32[] get-tuple-element(state.1), index=0
  one.1 = s32[] constant(1)
  next.1 = s32[] add(step.1, one.1)
  row.1 = f32[1,4]{1,0} get-tuple-element(state.1), index=1
  kernel.1 = f32[4,4]{1,0} get-tuple-element(state.1), index=2
  dot.1 = f32[1,4]{1,0} dot(row.1, kernel.1), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  tanh.1 = f32[1,4]{1,0} tanh(dot.1)
  ROOT result.1 = (s32[], f32[1,4]{1,0}, f32[4,4]{1,0}) tuple(next.1, tanh.1, kernel.1)
}

condition.1 {
  state.2 = (s32[], f32[1,4]{1,0}, f32[4,4]{1,0}) parameter(0)
  step.2 = s32[] get-tuple-element(state.2), index=0
  steps.1 = s32[] constant(7)
  ROOT more.1 = pred[] compare(step.2, steps.1), direction=LT
}

ENTRY main.1 {
  zero.1 = s32[] constant(0)
  x.1 = f32[1,4]{1,0} parameter(0)
  kernel.2 = f32[4,4]{1,0} parameter(1)
  start.1 = (s32[], f32[1,4]{1,0}, f32[4,4]{1,0}) tuple(zero.1, x.1, kernel.2)
  loop.1 = (s32[], f32[1,4]{1,0}, f32[4,4]{1,0}) while(start.1), condition=condition.1, body=body.1
  ROOT out.1 = f32[1,4]{1,0} get-tuple-element(loop.1), index=1
}
"""

# As the compiler prints it: with %, types of operands, and lines that are no instructions.
CONVOLUTION = """HloModule jit_f, is_scheduled=true

FileNames
1 "model.py"

%largest (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %c = f32[] maximum(f32[] %a, f32[] %b)
}

ENTRY %main (x: f32[1,6,6,4], k: f32[3,3,2,8]) -> f32[1,3,3,8] {
  %x = f32[1,6,6,4]{3,2,1,0} parameter(0)
  %k = f32[3,3,2,8]{3,2,1,0} parameter(1)
  %y = f32[1,6,6,8]{3,2,1,0} convolution(f32[1,6,6,4]{3,2,1,0} %x, f32[3,3,2,8]{3,2,1,0} %k), \
window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f, feature_group_count=2, metadata={op_name="a, (b)"}
  %zero = f32[] constant(-inf)
  %called = f32[4]{0} custom-call(%x), custom_call_target="__library$call"
  ROOT %z = f32[1,3,3,8]{3,2,1,0} reduce-window(%y, %zero), window={size=1x2x2x1 stride=1x2x2x1}, to_apply=%largest
}
"""


def test_loop_body_counts_once_and_its_length_is_known() -> None:
    found = tally(hlo.read(LOOP))
    assert (found.products, found.loops, found.trips) == (2 * 16, -6 * 2 * 16, {7})
    assert (dict(found.others), found.transcendentals) == ({"add": 1, "compare": 1}, 4)
    assert found.total == 34


def test_loop_of_unknown_length_is_left_unexplained() -> None:
    text = LOOP.replace("steps.1 = s32[] constant(7)", "steps.1 = s32[] get-tuple-element(state.2), index=0")
    found = tally(hlo.read(text))
    assert (found.loops, found.trips) == (0, {None})


def test_known_trip_count_of_the_compiler() -> None:
    noted = 'body=body.1, backend_config={"known_trip_count":{"n":"5"}}'
    assert tally(hlo.read(LOOP.replace("body=body.1", noted))).trips == {5}


def test_convolution_leaves_padding_out() -> None:
    found = tally(hlo.read(CONVOLUTION))
    per_axis = 3 * 6 - 2
    assert found.products == 2 * per_axis**2 * 2 * 8
    assert found.products - found.padding == 2 * 36 * 9 * 2 * 8
    # Three comparisons for each window of four.
    assert dict(found.others) == {"reduce-window": 3 * 3 * 3 * 8}
    assert dict(found.custom_calls) == {"__library$call": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("HloModule empty", "ENTRY"),
        ("ENTRY main {\n  ROOT nonsense\n}", "expected an HLO instruction, got 'ROOT nonsense'"),
        ("ENTRY main {\n  ROOT a = f32[] add(b, c\n}", "balanced parentheses"),
    ],
)
def test_text_that_is_no_program(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hlo.read(text)
