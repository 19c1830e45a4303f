import math

import numpy as np
import pytest

from pipeline.data.prepared import Prepared
from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.errors import UserError
from pipeline.storage.folders import ResultFolder
from pipeline.training.batches import evaluation_partners
from pipeline.training.examples import Columns, portion, standardisation
from pipeline.training.runtime import start_tensorflow

# The variables of Keras' layers do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

MEAN, DEVIATION = (90.0, 130.0, 170.0), (20.0, 45.0, 70.0)


@pytest.fixture(scope="module")
def prepared():
    """Thirty images of 6×5 in RGB, the second replicate with another split and another mean."""
    random = np.random.default_rng(0)
    parts = np.repeat(np.array([TRAIN, VALIDATION, TEST], np.uint8), (12, 5, 13))
    names = np.array([f"image-{number}" for number in range(30)])
    return Prepared(
        pixels=random.integers(256, size=(30, 6, 5, 3), dtype=np.uint8),
        labels=random.integers(3, size=30),
        groups=names,
        subgroups=np.array(["mono", "poly"])[random.integers(2, size=30)],
        names=names,
        splits=np.stack([random.permutation(parts), random.permutation(parts)]),
        manifest={
            "classes": ["a", "b", "c"],
            "subgroups": ["mono", "poly"],
            "replicates": [
                {"mean": MEAN, "standard_deviation": DEVIATION},
                {"mean": (0.0, 0.0, 0.0), "standard_deviation": (1.0, 1.0, 1.0)},
            ],
        },
    )


@pytest.fixture(scope="module")
def prediction():
    start_tensorflow()
    from pipeline.evaluation import predict as prediction

    return prediction


@pytest.fixture(scope="module")
def network(prediction):
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 5, 3), name="image"),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ]
    )


@pytest.fixture(scope="module")
def forked(prediction):
    """A network with two images and a subgroup as inputs and two outputs."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    image, partner = (keras.Input((6, 5, 3), name=name) for name in ("image", "partner"))
    subgroup = keras.Input((2,), name="subgroup")
    flat = layers.Flatten(name="flat")
    seen = layers.Concatenate(name="seen")([flat(image), flat(partner), subgroup])
    outputs = [
        layers.Dense(3, "softmax", name="output")(seen),
        layers.Dense(1, "sigmoid", name="same")(seen),
    ]
    return keras.Model([image, partner, subgroup], outputs, name="forked")


def part_of(prepared, replicate, part):
    return portion(prepared, replicate, part, Columns(("image",), ("output",)))


def inputs_of(tested):
    """The inputs of a network when it is evaluated on a portion."""
    return tested.inputs(np.arange(len(tested)), evaluation_partners(tested))


def standardised(pixels):
    return (pixels - np.array(MEAN)) / np.array(DEVIATION)


@pytest.mark.parametrize("part", [TRAIN, VALIDATION, TEST])
def test_predictions_are_those_of_keras_on_standardised_images(prediction, network, prepared, part):
    (outputs,) = prediction.predict(network, part_of(prepared, 0, part), batch_size=8)
    images = standardised(prepared.pixels[prepared.splits[0] == part]).astype(np.float32)
    np.testing.assert_allclose(outputs, network.predict(images, verbose=0), rtol=1e-5, atol=1e-6)
    assert outputs.shape == (len(images), 3)


def test_predictions_do_not_depend_on_the_batch_size(prediction, network, prepared):
    one, many = (prediction.predict(network, part_of(prepared, 1, TEST), batch_size=size) for size in (1, 100))
    np.testing.assert_allclose(one, many, rtol=1e-5, atol=1e-6)


class Clock:
    """A clock that advances only when the network predicts."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


class TimedNetwork:
    """A network whose call takes a fixed time plus a time per image; each call may be slower by a factor."""

    def __init__(self, clock, *, overhead, per_image, factors):
        self.clock, self.overhead, self.per_image, self.factors = clock, overhead, per_image, iter(factors)
        self.batches = []

    def predict(self, batches, verbose):
        self.batches = [len(inputs) for inputs, _ in batches]
        self.clock.now += next(self.factors) * (self.overhead + self.per_image * sum(self.batches))


def test_seconds_per_image_are_the_median_of_the_repeats(prediction, prepared, monkeypatch):
    monkeypatch.setattr(prediction, "time", clock := Clock())
    network = TimedNetwork(clock, overhead=0.0, per_image=0.5, factors=[1, 26, 13])
    seconds = prediction.seconds_per_image(network, part_of(prepared, 0, TEST), batch_size=3, repeats=3)
    assert network.batches == [3, 3, 3, 3, 1]
    assert seconds == pytest.approx(0.5 * 13)


def test_the_latency_of_a_small_test_set_is_not_the_overhead_of_a_call(prediction, prepared, monkeypatch):
    monkeypatch.setattr(prediction, "time", clock := Clock())
    network = TimedNetwork(clock, overhead=0.05, per_image=0.001, factors=[1])
    seconds = prediction.seconds_per_image(network, part_of(prepared, 0, TEST), batch_size=128, repeats=1)
    assert network.batches == [128] * prediction.TIMED_BATCHES
    # 13 images alone would take 0.063 s, 4.8 ms each.
    assert seconds == pytest.approx(0.001 + 0.05 / 512)


def test_a_trained_network_is_loaded_from_its_json_and_its_weights(prediction, network, tmp_path):
    result = ResultFolder(tmp_path)
    network.save_weights(result.weights)
    read = prediction.trained_network(network.to_json(), result)
    images = np.random.default_rng(1).normal(size=(4, 6, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(read(images), network(images))


def test_truncated_weights_raise_an_error_with_the_remedy(prediction, network, tmp_path):
    network.save_weights(tmp_path / "kept.weights.h5")
    content = (tmp_path / "kept.weights.h5").read_bytes()
    (tmp_path / "kept.weights.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"kept\.weights\.h5 is damaged"):
        prediction.trained_network(network.to_json(), ResultFolder(tmp_path))


def test_a_served_network_takes_grey_levels_and_predicts_the_same(prediction, network, prepared):
    served = prediction.served(network, standardisation(prepared, 0))
    tested = prepared.pixels[prepared.splits[0] == TEST]
    (outputs,) = prediction.predict(network, part_of(prepared, 0, TEST), batch_size=8)
    np.testing.assert_allclose(served.predict(tested, verbose=0), outputs, rtol=1e-4, atol=1e-6)
    assert served.input_shape == (None, 6, 5, 3)


def test_a_served_network_can_be_saved_and_loaded_by_keras_alone(prediction, network, prepared, tmp_path):
    import keras

    served = prediction.served(network, standardisation(prepared, 0))
    served.save(tmp_path / "served.keras")
    loaded = keras.models.load_model(tmp_path / "served.keras")
    images = np.asarray(prepared.pixels[:4])
    np.testing.assert_array_equal(loaded(images), served(images))
    assert math.isclose(float(np.asarray(loaded(images)).sum()), 4, rel_tol=1e-5)


def test_every_output_is_that_of_keras(prediction, forked, prepared):
    tested = portion(prepared, 0, TEST, Columns.of(forked.to_json()))
    outputs = prediction.predict(forked, tested, batch_size=8)
    (_, partners, subgroups), chosen = inputs_of(tested), prepared.indices(0, TEST)
    assert subgroups.tolist() == [[float(kind == "mono"), float(kind == "poly")] for kind in prepared.subgroups[chosen]]
    images = standardised(prepared.pixels[chosen]).astype(np.float32)
    expected = forked.predict([images, partners, subgroups], verbose=0)
    assert [one.shape for one in outputs] == [(13, 3), (13, 1)]
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_served_network_takes_and_returns_dictionaries_of_several_tensors(prediction, forked, prepared, tmp_path):
    import keras

    prediction.served(forked, standardisation(prepared, 0)).save(tmp_path / "served.keras")
    served = keras.models.load_model(tmp_path / "served.keras")
    tested = portion(prepared, 0, TEST, Columns.of(forked.to_json()))
    partners = prepared.pixels[tested.indices[evaluation_partners(tested)]]
    grey = {"image": prepared.pixels[tested.indices], "partner": partners, "subgroup": inputs_of(tested)[2]}
    served_outputs = served.predict({name: values.astype(np.float32) for name, values in grey.items()}, verbose=0)
    outputs = prediction.predict(forked, tested, batch_size=8)
    assert set(served_outputs) == {"output", "same"}
    for served_output, output in zip((served_outputs["output"], served_outputs["same"]), outputs, strict=True):
        np.testing.assert_allclose(served_output, output, rtol=1e-4, atol=1e-6)


def test_every_replicate_predicts_its_own_test_images(prediction, eight_images, tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((4, 4, 1), name="image"), keras.layers.Flatten(), keras.layers.Dense(3, "softmax", name="output")]
    )
    results, weights = {}, {}
    for replicate in (0, 1):
        results[replicate] = ResultFolder(tmp_path / str(replicate))
        results[replicate].folder.mkdir()
        weights[replicate] = np.random.default_rng(replicate).normal(size=(16, 3)), np.zeros(3)
        network.set_weights(weights[replicate])
        network.save_weights(results[replicate].weights)

    predicted = prediction.predict_replicates(network.to_json(), results, eight_images, batch_size=3, repeats=1)
    assert predicted.seconds_per_image.keys() == {0, 1}
    assert all(seconds > 0 for seconds in predicted.seconds_per_image.values())
    cases = [(0, predicted.test, [0, 2, 4, 6]), (1, predicted.test, [2, 3, 6]), (1, predicted.validation, [1, 5])]
    for replicate, by_output, images in cases:
        one = by_output["output"][replicate]
        assert one.images.tolist() == images
        assert one.partners is None
        assert one.classes.tolist() == ["ape", "bee", "cat"]
        assert one.groups.tolist() == images
        assert one.subgroups.tolist() == eight_images.subgroups[images].tolist()
        assert one.trained_on == {0: 2, 1: 3}[replicate]
        assert one.truth.tolist() == eight_images.labels[images].tolist()
        logits = np.tile((10.0 * np.array(images)[:, None] - 30) / 20, (1, 16)) @ weights[replicate][0]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        np.testing.assert_allclose(one.probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)


def test_each_output_has_its_own_classes_and_truth(prediction, eight_images, tmp_path):
    import keras
    from keras import layers

    image, partner = (keras.Input((4, 4, 1), name=name) for name in ("image", "partner"))
    flat = layers.Flatten(name="flatten")
    both = layers.Concatenate(name="both")([flat(image), flat(partner)])
    outputs = [
        layers.Dense(width, "softmax" if width > 1 else "sigmoid", name=name)(both)
        for name, width in (("same", 1), ("output", 3), ("subgroup", 1))
    ]
    network = keras.Model([image, partner], outputs)
    network.save_weights(ResultFolder(tmp_path).weights)
    predicted = prediction.predict_replicates(
        network.to_json(), {1: ResultFolder(tmp_path)}, eight_images, batch_size=2, repeats=1
    ).test

    assert list(predicted) == ["same", "output", "subgroup"]
    same, output, subgroup = (one[1] for one in predicted.values())
    assert same.classes.tolist() == ["different classes", "same class"]
    assert same.truth.tolist() == (eight_images.labels[same.images] == eight_images.labels[same.partners]).tolist()
    assert set(same.partners.tolist()) <= {2, 3, 6}
    assert (output.classes.tolist(), output.truth.tolist()) == (["ape", "bee", "cat"], [1, 1, 0])
    assert (subgroup.classes.tolist(), subgroup.truth.tolist()) == (["big", "small"], [0, 1, 1])
    for one in (same, output, subgroup):
        assert one.probabilities.shape == (3, len(one.classes))
        assert one.images.tolist() == [2, 3, 6]
        np.testing.assert_allclose(one.probabilities.sum(axis=1), 1, rtol=1e-6)
