"""The text of XLA programs, as JAX and as the compiler print it."""

from __future__ import annotations

import pytest

from anatomy.bench.xla import hlo

# As JAX prints it: a tuple's shape and a comment before an operand.
LOOP = """HloModule jit_f, entry_computation_layout={(f32[1,4]{1,0}, f32[4,4]{1,0})->f32[1,4]{1,0}}

body.1 {
  state.1 = (s32[], f32[1,4]{1,0}, /*index=2*/f32[4,4]{1,0}) parameter(0)
  row.1 = f32[1,4]{1,0} get-tuple-element(state.1), index=1
  ROOT dot.1 = f32[1,4]{1,0} dot(row.1, row.1), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

ENTRY main.1 {
  start.1 = (s32[], f32[1,4]{1,0}, f32[4,4]{1,0}) tuple(zero.1, x.1, kernel.2)
  ROOT loop.1 = (s32[], f32[1,4]{1,0}, f32[4,4]{1,0}) while(start.1), condition=condition.1, body=body.1
}
"""

# As the compiler prints it: with %, types of operands, and lines that are no instructions.
CONVOLUTION = """HloModule jit_f, is_scheduled=true

FileNames
1 "model.py"

ENTRY %main (x: f32[1,6,6,4], k: f32[3,3,2,8]) -> f32[1,3,3,8] {
  %y = f32[1,6,6,8]{3,2,1,0} convolution(f32[1,6,6,4]{3,2,1,0} %x, f32[3,3,2,8]{3,2,1,0} %k), \
window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f, feature_group_count=2, metadata={op_name="a, (b)"}
  %called = f32[4]{0} custom-call(%x), custom_call_target="__library$call"
}
"""


def test_program_of_jax() -> None:
    program = hlo.read(LOOP)
    assert list(program.computations) == ["body.1", "main.1"]
    loop = program.computations["main.1"].by_name["loop.1"]
    assert (loop.opcode, loop.operands) == ("while", ("start.1",))
    assert loop.called("body", "calls", "condition") == ["body.1", "condition.1"]
    dot = program.computations["body.1"].by_name["dot.1"]
    assert (dot.operands, dot.attribute("lhs_contracting_dims")) == (("row.1", "row.1"), "1")


def test_program_of_the_compiler() -> None:
    product, called = hlo.read(CONVOLUTION).computations["main"].instructions
    assert (product.name, product.opcode, product.operands) == ("y", "convolution", ("x", "k"))
    assert product.attribute("window") == "size=3x3 pad=1_1x1_1"
    assert product.attribute("metadata") == 'op_name="a, (b)"'
    assert called.attribute("custom_call_target") == '"__library$call"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("HloModule empty", "ENTRY"),
        ("ENTRY main {\n  ROOT nonsense\n}", "expected an HLO instruction, got 'ROOT nonsense'"),
        ("ENTRY main {\n  ROOT a = b\n}", "expected an HLO instruction, got 'ROOT a = b'"),
        ("ENTRY main {\n  ROOT a = f32[] add(b, c\n}", "balanced parentheses"),
    ],
)
def test_text_that_is_no_program(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hlo.read(text)
