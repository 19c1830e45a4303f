"""Inputs and targets of a network: columns by name, and pairs."""

import json
from collections import Counter

import numpy as np
import pytest

from pipeline.data.prepared import read_prepared
from pipeline.data.splits import TRAIN, VALIDATION
from pipeline.training.batches import evaluation_batches, evaluation_partners, training_batches
from pipeline.training.examples import Columns, Portion, Standardisation, portion

AS_IS = Standardisation(np.zeros(1, np.float32), np.ones(1, np.float32))
PAIRS = Columns(("image", "partner"), ("same",))


def of_labels(labels, columns=PAIRS, subgroups=None):
    """A portion of images whose grey level is their number, among images that are not part of it."""
    labels = np.array([0, *labels, 1])
    pixels = np.arange(len(labels), dtype=np.uint8)[:, None, None, None]
    return Portion(pixels, labels, np.arange(1, len(labels) - 1), AS_IS, columns, subgroups)


def partners(labels, seed=0):
    return of_labels(labels).partners(np.random.default_rng(seed))


# Columns


def test_columns_are_the_names_of_inputs_and_outputs_in_the_order_of_the_network(architecture, forms):
    assert Columns.of(architecture()) == Columns(("image",), ("output",))
    assert Columns.of(forms["two inputs"]) == Columns(("image", "subgroup"), ("output",))
    assert Columns.of(forms["two outputs"]) == Columns(("image",), ("output", "subgroup"))
    assert Columns.of(forms["pairs, two outputs"]) == Columns(("partner", "image"), ("same", "output"))


@pytest.mark.parametrize("written", ["one", "a list of one", "a mapping"])
def test_columns_are_read_from_every_form_that_keras_writes(tensorflow, written):
    import keras

    image = keras.Input((4,), name="image")
    answer = keras.layers.Dense(1, name="output")(image)
    wrapped = {"one": (image, answer), "a list of one": ([image], [answer])}.get(
        written, ({"image": image}, {"output": answer})
    )
    assert Columns.of(keras.Model(*wrapped).to_json()) == Columns(("image",), ("output",))


@pytest.mark.parametrize(
    ("name", "other", "sentence"),
    [
        (
            "image",
            "picture",
            "A network's inputs must be among image, partner, subgroup, numbers. Received picture.",
        ),
        ("output", "answer", "A network's outputs must be among output, subgroup, same. Received answer."),
        (
            "output",
            "partner",
            "A network's outputs must be among output, subgroup, same. Received partner.",
        ),
    ],
)
def test_a_name_without_a_column_is_rejected(architecture, name, other, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Columns.of(architecture().replace(f'"{name}"', f'"{other}"'))


def test_one_unknown_name_among_several_is_rejected(forms):
    with pytest.raises(ValueError, match=r"^A network's inputs must be among .*\. Received image, kind\.$"):
        Columns.of(forms["two inputs"].replace('"subgroup"', '"kind"'))


def test_a_sequential_network_needs_an_input_layer_with_a_known_name(architecture):
    written = json.loads(architecture())
    del written["config"]["layers"][0]
    with pytest.raises(ValueError, match=r"inputs must be among .* Received convolution"):
        Columns.of(json.dumps(written))


def test_each_output_has_the_class_names_of_its_column():
    manifest = {"classes": ["a", "b", "c"], "subgroups": ["mono", "poly"]}
    names = Columns(("image", "partner"), ("same", "subgroup", "output")).class_names(manifest)
    assert list(names.items()) == [
        ("same", ("different classes", "same class")),
        ("subgroup", ("mono", "poly")),
        ("output", ("a", "b", "c")),
    ]
    assert Columns(("image",), ("output",)).class_names(manifest | {"subgroups": None}) == {"output": ("a", "b", "c")}


def test_an_image_has_the_subgroup_of_the_data(typed):
    prepared = read_prepared(typed)
    shown = portion(prepared, 1, TRAIN, Columns(("image", "subgroup"), ("output", "subgroup")))
    chosen = prepared.indices(1, TRAIN)
    positions = np.array([5, 0, 17])
    (_, one_hot), (labels, subgroups) = shown.inputs(positions), shown.targets(positions)
    named = [prepared.manifest["subgroups"][number] for number in subgroups]
    assert named == prepared.subgroups[chosen[positions]].tolist()
    assert one_hot.dtype == np.float32
    assert one_hot.tolist() == [[float(name == "mono"), float(name == "poly")] for name in named]
    assert labels.tolist() == prepared.labels[chosen[positions]].tolist()
    assert len(set(named)) == 2


def test_subgroups_are_numbered_over_all_images_even_if_a_portion_lacks_some():
    shown = of_labels([0, 1], Columns(("subgroup",), ("subgroup",)), np.array([2, 0, 1, 0]))
    assert [column.tolist() for column in shown.inputs(np.array([0, 1]))] == [[[1, 0, 0], [0, 1, 0]]]
    assert [column.tolist() for column in shown.targets(np.array([0, 1]))] == [[0, 1]]


# Pairs


@pytest.mark.parametrize("labels", [[0, 1] * 8, [0] * 9 + [1] * 2 + [2] * 5, [2, 0, 0, 1, 2, 1, 0]])
def test_no_image_is_its_own_partner_and_every_other_image_can_be(labels):
    labels = np.array(labels)
    met = {(one, int(other)) for seed in range(400) for one, other in enumerate(partners(labels, seed))}
    assert met == {(one, other) for one in range(len(labels)) for other in range(len(labels)) if one != other}


@pytest.mark.parametrize("labels", [[0, 1] * 2000, [0] * 3600 + [1] * 400, list(range(10)) * 400])
def test_half_of_the_pairs_have_one_class_whatever_the_class_frequencies_are(labels):
    labels = np.array(labels)
    drawn = partners(labels)
    # 4,000 tosses of a coin: three standard deviations are 95.
    assert abs((labels == labels[drawn]).sum() - 2000) < 95


def test_partners_of_the_same_class_are_equally_likely_and_so_are_all_others():
    labels = np.array([1, 0, 1, 2, 1, 0, 2, 1])
    drawn = np.stack([partners(labels, seed) for seed in range(6000)])
    of_own_class, of_another = Counter(), Counter()
    for partner in drawn[:, 0].tolist():
        (of_own_class if labels[partner] == 1 else of_another)[partner] += 1
    assert set(of_own_class) == {2, 4, 7} and set(of_another) == {1, 3, 5, 6}
    # Expected counts are 1,000 and 750; the tolerance is five standard deviations.
    assert all(abs(count - 1000) < 145 for count in of_own_class.values())
    assert all(abs(count - 750) < 130 for count in of_another.values())


def test_with_a_single_class_both_images_of_every_pair_have_it():
    met = {(one, int(other)) for seed in range(100) for one, other in enumerate(partners([3] * 4, seed))}
    assert met == {(one, other) for one in range(4) for other in range(4) if one != other}


def test_the_only_image_of_its_class_is_always_paired_with_another_image():
    drawn = np.stack([partners([0, 1, 1, 0, 2], seed) for seed in range(200)])
    assert set(drawn[:, 4].tolist()) == {0, 1, 2, 3}
    everybody = np.stack([partners([4, 7, 5], seed) for seed in range(200)])
    assert [set(column.tolist()) for column in everybody.T] == [{1, 2}, {0, 2}, {0, 1}]


def test_a_single_image_is_its_own_partner():
    assert partners([0]).tolist() == [0]
    assert partners([]).tolist() == []


def test_a_pair_has_two_images_and_the_target_whether_their_classes_are_equal():
    shown = of_labels([0, 1, 0])
    images, others = shown.inputs(np.array([0, 1, 2]), np.array([2, 0, 0]))
    assert images.ravel().tolist() == [1, 2, 3]
    assert others.ravel().tolist() == [3, 1, 1]
    (same,) = shown.targets(np.array([0, 1, 2]), np.array([2, 0, 0]))
    assert same.tolist() == [1, 0, 1]


def pairs(epochs, *, seed=0, augment=None):
    shown = of_labels([0, 1, 2] * 7)
    stream = training_batches(shown, batch_size=4, epochs=epochs, seed=seed, augment=augment)
    columns = [[column.ravel().astype(int).tolist() for column in (*inputs, same)] for inputs, same in stream]
    return [list(zip(*batch, strict=True)) for batch in columns]


def test_the_pairs_of_an_epoch_depend_only_on_seed_and_epoch():
    whole = pairs(range(4))
    assert pairs(range(2, 4)) == whole[10:]
    epochs = [
        frozenset(pair for batch in pairs(range(one, one + 1), seed=seed) for pair in batch)
        for one in range(3)
        for seed in range(2)
    ]
    assert len(set(epochs)) == 6


def test_batches_and_augmentation_keep_image_and_partner_together():
    # The number of an image is its position plus one; image n has class (n - 1) % 3.
    for batch in pairs(range(5)):
        for image, partner, same in batch:
            assert image != partner
            assert same == ((image - 1) % 3 == (partner - 1) % 3)
    doubled = pairs(range(2), augment=lambda pixels, rng: pixels * 2)
    assert doubled == [[(2 * a, 2 * b, same) for a, b, same in batch] for batch in pairs(range(2))]


def test_an_image_and_its_partner_are_augmented_independently():
    shown = of_labels([0] * 8)

    def noisy(pixels, rng):
        return rng.integers(256, size=pixels.shape, dtype=np.uint8)

    (((images, others), _),) = training_batches(shown, batch_size=8, epochs=range(1), seed=0, augment=noisy)
    assert not np.array_equal(images, others)


def test_evaluation_pairs_are_fixed_and_match_evaluation_partners(typed):
    shown = portion(read_prepared(typed), 0, VALIDATION, PAIRS)
    once, again = (list(evaluation_batches(shown, batch_size=size)) for size in (4, 11))
    ((images, others), same), (batch,) = batch_of(once), again
    np.testing.assert_array_equal(others, batch[0][1])
    expected = shown.inputs(np.arange(len(shown)), evaluation_partners(shown))
    np.testing.assert_array_equal(images, expected[0])
    np.testing.assert_array_equal(others, expected[1])
    np.testing.assert_array_equal(same, batch[1])
    assert evaluation_partners(portion(read_prepared(typed), 0, VALIDATION, Columns(("image",), ("output",)))) is None


def batch_of(batches):
    """Concatenate batches of pairs to one batch."""
    images, others, same = (
        np.concatenate(columns) for columns in zip(*((*inputs, targets) for inputs, targets in batches), strict=True)
    )
    return (images, others), same


# Weights


def test_class_weights_apply_only_to_the_class_output(typed):
    shown = portion(read_prepared(typed), 0, TRAIN, Columns(("image",), ("subgroup", "output")))
    stream = training_batches(
        shown, batch_size=8, epochs=range(1), seed=0, augment=None, class_weights={0: 0.5, 1: 2.0, 2: 3.0}
    )
    for _, (subgroups, labels), (of_subgroups, of_labels) in stream:
        assert of_subgroups.tolist() == [1] * 8
        assert of_labels.tolist() == [(0.5, 2.0, 3.0)[int(label)] for label in labels[:, 0]]
        assert subgroups.shape == labels.shape == (8, 1)
        assert of_labels.dtype == of_subgroups.dtype == np.float32


def test_balanced_classes_are_rejected_for_a_network_that_predicts_no_class(tasks):
    from pipeline.errors import UserError
    from pipeline.training.start import start

    task = tasks(form="pairs", class_weights="balanced")[0]
    with pytest.raises(UserError) as error:
        start(task, read_prepared(task.prepared))
    assert str(error.value) == (
        "`training.class_weights: balanced` needs a network that predicts the class of an image, but this one predicts "
        "'same'. Set it to none."
    )


@pytest.mark.parametrize("shape", [(5, 4, 6, 3), (5, 4, 6, 1), (4, 6, 3), (5, 3)])
def test_standardised_pixels_have_the_bits_of_the_formula(shape):
    rng = np.random.default_rng(0)
    mean, deviation = (rng.uniform(1, 99, shape[-1]).astype(np.float32) for _ in range(2))
    for pixels in (rng.integers(0, 256, shape, np.uint8), rng.uniform(0, 255, shape).astype(np.float32)):
        before = pixels.copy()
        expected = (pixels.astype(np.float32) - mean) / deviation
        transposed = np.asfortranarray(pixels)
        for given in (pixels, transposed):
            np.testing.assert_array_equal(Standardisation(mean, deviation)(given), expected)
        np.testing.assert_array_equal(pixels, before)
