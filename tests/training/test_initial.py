"""A network that starts from the weights of a file."""

import numpy as np
import pytest

from pipeline.data.prepared import read_prepared

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@pytest.fixture
def network(forms):
    """A network with two outputs and random weights from its own seed."""
    from pipeline.training.start import load_network

    return lambda seed: load_network(forms["two outputs"], seed)


@pytest.fixture
def file(tmp_path, network):
    """The file of the weights of a network, and the weights by layer."""
    from pipeline.training.initial import save_initial_weights

    model = network(seed=77)
    model.get_layer("normalisation").set_weights([np.full(3, value) for value in (1.5, 0.25, -2.0, 4.0)])
    save_initial_weights(tmp_path / "initial.npz", model)
    return tmp_path / "initial.npz", by_layer(model)


def by_layer(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def same(weights, others):
    return all(np.array_equal(one, other) for one, other in zip(weights, others, strict=True))


def test_all_layers_except_the_output_layers_start_from_the_file_in_every_replicate(tensorflow, tasks, file):
    from pipeline.training.start import start

    path, saved = file
    drawn = [start(task, read_prepared(task.prepared)).model for task in tasks(form="two outputs")]
    started = [
        start(task, read_prepared(task.prepared)).model for task in tasks(form="two outputs", initial_weights=path)
    ]
    for model in started:
        weights = by_layer(model)
        for name in ("convolution", "normalisation"):
            assert same(weights[name], saved[name])
    for name in ("output", "subgroup"):
        kernels = [by_layer(model)[name][0] for model in started]
        assert not np.array_equal(*kernels)
        assert not any(np.array_equal(kernel, saved[name][0]) for kernel in kernels)
        # The output layers have the same random weights as without the file.
        assert same(kernels, [by_layer(model)[name][0] for model in drawn])


def test_the_file_contains_no_output_layer(file):
    path, _ = file
    with np.load(path) as arrays:
        assert {name.split("/")[0] for name in arrays.files} == {"convolution", "normalisation"}


def test_the_same_weights_give_the_same_bytes(file, network):
    from pipeline.training.initial import load_initial_weights, save_initial_weights

    path, saved = file
    model = network(seed=78)
    load_initial_weights(path, model)
    assert same(by_layer(model)["convolution"], saved["convolution"])
    save_initial_weights(path.with_name("again.npz"), model)
    assert path.with_name("again.npz").read_bytes() == path.read_bytes()


def test_weights_of_a_sequential_network_exclude_its_last_layer(tmp_path, architecture):
    from pipeline.training.initial import save_initial_weights
    from pipeline.training.start import load_network

    save_initial_weights(tmp_path / "initial.npz", load_network(architecture(), 0))
    with np.load(tmp_path / "initial.npz") as arrays:
        assert {name.split("/")[0] for name in arrays.files} == {"convolution", "normalisation"}


def test_a_training_from_a_file_gives_other_weights_than_one_from_random_weights(project, tasks, file, outcome):
    from pipeline.training.replicate import train_replicate

    path, _ = file
    chosen = tasks(form="two outputs", epochs=1)[0], tasks(form="two outputs", epochs=1, initial_weights=path)[0]
    for task in chosen:
        train_replicate(task, lambda progress: None)
    drawn, started = (outcome(task.result) for task in chosen)
    assert drawn.record["fingerprint"] != started.record["fingerprint"]
    assert drawn.weights != started.weights
