"""What the models' tests share."""

import pytest


@pytest.fixture(autouse=True)
def _seeded():
    """The same weights in every run of a test."""
    import keras

    keras.utils.set_random_seed(1)
    yield
    keras.utils.clear_session(free_memory=False)
