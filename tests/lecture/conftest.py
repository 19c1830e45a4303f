"""TensorFlow as the command `convtrack lecture` starts it."""

import pytest

from pipeline.training.runtime import start_tensorflow


@pytest.fixture(scope="session")
def tensorflow():
    return start_tensorflow()
