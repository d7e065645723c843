"""Gradients of the losses written out for JAX, also where a logit is exactly 0."""

from __future__ import annotations

import numpy as np
import pytest

from tests.when_used import WhenUsed

jax = WhenUsed("jax")

LOGITS = np.array([[0.0], [-0.0], [1.5], [-2.0], [40.0], [-40.0]], "float32")
TARGETS = np.array([[1], [0], [1], [1], [1], [0]], "int32")


@pytest.mark.long
def test_the_gradient_of_binary_crossentropy_is_the_probability_less_the_target() -> None:
    from anatomy.bench.native.jax_functions import binary_crossentropy

    found = jax.grad(lambda logits: binary_crossentropy(TARGETS, logits))(LOGITS)
    expected = (1 / (1 + np.exp(-LOGITS.astype("float64"))) - TARGETS) / len(LOGITS)
    np.testing.assert_allclose(found, expected, atol=1e-7)
