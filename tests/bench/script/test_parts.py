"""Expressions, sources of layers, layout and the docstring's figure, each by itself."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block
from anatomy.bench.script.code_layout import WIDTH, call
from anatomy.bench.script.expression import InexpressibleError, construct, expression
from anatomy.bench.script.layer_source import sources_of
from anatomy.bench.script.script_header import docstring_lines, with_figure

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(
            st.text(max_size=4).filter(lambda key: key not in ("class_name", "config")), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(_PLAIN)
def test_plain_values_survive(value: Any) -> None:
    assert ast.literal_eval(expression(value, {})) == value


def test_defaults_are_left_out() -> None:
    import keras

    def text(made: Any) -> str:
        path, arguments = construct(made, {})
        return f"{path}({', '.join(arguments)})"

    layers = keras.layers
    assert text(layers.Dense(8, name="d")) == 'layers.Dense(8, name="d")'
    assert text(layers.MaxPooling2D(3, strides=2, name="p")) == (
        'layers.MaxPooling2D(pool_size=(3, 3), strides=(2, 2), name="p")'
    )
    assert text(layers.Conv2D(4, 3, kernel_initializer="he_normal", name="c")) == (
        'layers.Conv2D(4, (3, 3), kernel_initializer=keras.initializers.HeNormal(), name="c")'
    )
    assert text(keras.optimizers.SGD(0.01)) == "keras.optimizers.SGD(learning_rate=0.01)"


def test_a_class_of_the_users_is_not_expressed() -> None:
    import keras

    class Own(keras.layers.Dense):  # type: ignore[misc,unused-ignore]
        pass

    with pytest.raises(InexpressibleError, match="not one of Keras's public classes"):
        construct(Own(2), {})


def test_sources_are_bare_and_work() -> None:
    import keras

    from anatomy.models.local_response_normalization import LocalResponseNormalization
    from anatomy.models.tensor_layers import ArgMaxTime, FlipTime, ZeroPadShortcut

    found = sources_of([LocalResponseNormalization, ZeroPadShortcut, FlipTime, ArgMaxTime])
    text = "\n".join([*found.imports, *found.definitions])
    assert found.imports == ["from keras import ops"]
    assert not any(word in text for word in ('"""', "type: ignore", "get_config", "Any", "anatomy", "_subsampled"))
    names: dict[str, Any] = {"keras": keras}
    exec(text, names)
    x = keras.random.normal((2, 4, 4, 6), seed=1)
    ours, theirs = names["LocalResponseNormalization"](beta=0.6)(x), LocalResponseNormalization(beta=0.6)(x)
    assert keras.ops.all(ours == theirs)


@pytest.mark.long
@given(st.lists(st.text("abc", min_size=1, max_size=60), min_size=1, max_size=6), st.integers(0, 8))
def test_lines_fit(arguments: list[str], indent: int) -> None:
    lines = call("function(", arguments, indent=indent)
    assert all(len(line) <= WIDTH for line in lines)
    assert ast.unparse(ast.parse("\n".join(line[indent:] for line in lines))) == f"function({', '.join(arguments)})"


def test_the_docstring_takes_the_figure() -> None:
    case = Case(model='there\\"""/models.py:f', batch_size=10)
    text = "\n".join(docstring_lines(case, "A note."))
    record = Record(
        case=case,
        name="x",
        outcome="ok",
        started_at="2026-01-01T00:00:00+00:00",
        step_s=[0.002],
        blocks=[Block(steps=2, seconds=0.01)],
    )
    docstring = ast.get_docstring(ast.parse(with_figure(text, record)))
    assert docstring is not None
    assert "Measured 2026-01-01T00:00:00+00:00: 2000 examples/s, median step 2 ms." in docstring
    assert docstring.startswith("there/'''/models.py:f train tensorflow b10")
    assert "A note." in docstring
