import pytest

from pipeline.training.runtime import start_tensorflow


@pytest.fixture(scope="session", autouse=True)
def tensorflow():
    """Start TensorFlow before any module of the study imports Keras."""
    start_tensorflow()
