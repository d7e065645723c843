"""A program's imports and long lines."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.native.source_layout import WIDTH, import_block, program_text, split_imports, wrapped

_NAMES = st.text("abcxyz", min_size=1, max_size=12)


def test_only_what_is_used_is_imported() -> None:
    imports = ["import math", "from collections.abc import Mapping, Sequence", "import jax.numpy as jnp", "import jax"]
    lines = ["", "", "def f(x: Sequence[int]) -> int:", "    return jnp.sum(x)"]
    text = program_text(imports, lines)
    assert text.startswith("from collections.abc import Sequence\n\nimport jax.numpy as jnp\n\n\ndef f")


def test_imports_are_in_two_groups() -> None:
    assert import_block(["import torch", "import math", "from typing import Any"]) == [
        "import math",
        "from typing import Any",
        "",
        "import torch",
    ]


def test_imports_are_split_from_the_rest() -> None:
    imports, rest = split_imports("import math\n\nimport jax\n\n\ndef f():\n    import os\n")
    assert imports == ["import math", "import jax"]
    assert rest == ["", "", "def f():", "    import os"]


@given(st.lists(st.tuples(_NAMES, _NAMES), min_size=1, max_size=30), st.sampled_from(["", "    "]))
def test_a_long_call_means_the_same(pairs: list[tuple[str, str]], indent: str) -> None:
    arguments = [f'g({a}, {{1: "{b}, c"}})' for a, b in pairs]
    line = f"{indent}x = f({', '.join(arguments)})"
    lines = wrapped(line)
    assert ast.dump(ast.parse("\n".join(lines).strip())) == ast.dump(ast.parse(line.strip()))
    if len(line) > WIDTH:
        assert max(map(len, lines)) < len(line)
    else:
        assert lines == [line]
