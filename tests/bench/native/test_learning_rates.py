"""Learning rate schedules of programs beside Keras's, at any number of updates."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.optimizers import schedules

from anatomy.bench.native import jax_schedules, tensorflow_schedules, torch_schedules
from anatomy.bench.native.learning_rates import Schedule, learning_rate, slow_down

_RATES = st.floats(1e-4, 1.0)
_STEPS = st.integers(1, 500)
SCHEDULES = st.one_of(
    st.builds(schedules.ExponentialDecay, _RATES, _STEPS, st.floats(0.1, 1.0), st.booleans()),
    st.builds(schedules.InverseTimeDecay, _RATES, _STEPS, st.floats(0.1, 2.0), st.booleans()),
    st.builds(schedules.PolynomialDecay, _RATES, _STEPS, _RATES, st.floats(0.5, 3.0), st.booleans()),
    st.builds(schedules.CosineDecay, _RATES, _STEPS, st.floats(0.0, 1.0)),
    st.builds(
        schedules.CosineDecay,
        _RATES,
        _STEPS,
        st.floats(0.0, 1.0),
        warmup_target=_RATES,
        warmup_steps=st.integers(0, 99),
    ),
    st.lists(st.integers(1, 500), min_size=1, max_size=4, unique=True).flatmap(
        lambda ends: st.builds(
            schedules.PiecewiseConstantDecay,
            st.just(sorted(ends)),
            st.lists(_RATES, min_size=len(ends) + 1, max_size=len(ends) + 1),
        )
    ),
)


def own_rate() -> float:
    return 0.1


def rate_of(module: Any, schedule: Schedule, updates: Any) -> float:
    return float(getattr(module, schedule.function)(updates, **schedule.arguments))


@pytest.mark.long
@settings(deadline=None, max_examples=60)
@given(SCHEDULES, st.integers(0, 1000))
def test_rates_are_those_of_keras(keras_schedule: Any, updates: int) -> None:
    import jax.numpy as jnp
    import tensorflow as tf

    schedule = learning_rate(keras.optimizers.SGD(keras_schedule))
    assert isinstance(schedule, Schedule)
    expected = pytest.approx(float(keras_schedule(updates)), rel=1e-4, abs=1e-7)
    assert rate_of(jax_schedules, schedule, jnp.asarray(updates)) == expected
    assert rate_of(tensorflow_schedules, schedule, tf.constant(float(updates))) == expected
    assert rate_of(torch_schedules, schedule, updates) == expected


@settings(deadline=None, max_examples=20)
@given(SCHEDULES, st.integers(0, 1000))
def test_a_slower_schedule_is_slower_at_every_update(keras_schedule: Any, updates: int) -> None:
    optimizer = keras.optimizers.Adam(keras_schedule)
    slow_down(optimizer, 0.1)
    slower = learning_rate(optimizer)
    assert isinstance(slower, Schedule)
    expected = pytest.approx(0.1 * float(keras_schedule(updates)), rel=1e-3, abs=1e-7)
    assert rate_of(torch_schedules, slower, updates) == expected


def test_what_is_not_translated_is_named() -> None:
    class Own(schedules.CosineDecay):
        pass

    refused = {
        "schedule Own is not translated; translated are Exp": Own(0.1, 10),
        "schedule CosineDecayRestarts is not": schedules.CosineDecayRestarts(0.1, 10),
        "function is not": own_rate,
        # Keras would compute the whole schedule in integers.
        "integer in initial_learning_rate": schedules.CosineDecay(0, 10, warmup_target=0.1, warmup_steps=5),
        "integer in values": schedules.PiecewiseConstantDecay([5], [1, 0]),
    }
    for words, rate in refused.items():
        with pytest.raises(NotImplementedError, match=words):
            learning_rate(keras.optimizers.SGD(rate))


def test_numbers_of_numpy_are_literals() -> None:
    given = schedules.PiecewiseConstantDecay(np.array([5, 9]), np.array([0.5, 0.25, 0.125]))
    schedule = learning_rate(keras.optimizers.SGD(given))
    assert isinstance(schedule, Schedule)
    assert schedule.expression("n") == "piecewise_constant(n, boundaries=[5, 9], values=[0.5, 0.25, 0.125])"
