import numpy as np
import pytest

from pipeline.augmentation.augment import augment

OFF = {"horizontal_flip": False, "vertical_flip": False, "quarter_turns": False, "shift": 0}


def batch(images=400, height=5, width=5):
    """The same image many times: differences after augmentation were drawn independently for each image."""
    image = np.random.default_rng(1).integers(256, size=(height, width, 2), dtype=np.uint8)
    return np.tile(image, (images, 1, 1, 1))


def outcomes(images):
    return {image.tobytes(): number for number, image in enumerate(images)}


def augmented(images, seed=0, **options):
    return augment(images, np.random.default_rng(seed), **OFF | options)


def test_without_augmentation_images_do_not_change():
    np.testing.assert_array_equal(augmented(batch()), batch())


@pytest.mark.parametrize(("option", "axis"), [("horizontal_flip", 1), ("vertical_flip", 0)])
def test_half_of_the_images_are_flipped(option, axis):
    images = batch(height=4)
    found = augmented(images, **{option: True})
    flipped = (found == np.flip(images, axis + 1)).all(axis=(1, 2, 3))
    assert 160 < flipped.sum() < 240
    np.testing.assert_array_equal(found[~flipped], images[~flipped])


def test_quarter_turns_are_numpys_four():
    images = batch()
    expected = {np.ascontiguousarray(np.rot90(images[0], turns)).tobytes() for turns in range(4)}
    assert set(outcomes(augmented(images, quarter_turns=True))) == expected


def test_flips_and_turns_make_the_eight_symmetries_of_the_square():
    found = augmented(batch(), horizontal_flip=True, vertical_flip=True, quarter_turns=True)
    assert len(outcomes(found)) == 8


@pytest.mark.parametrize(("height", "width"), [(5, 5), (4, 7)])
def test_shifts_are_the_crops_of_the_image_padded_by_reflection(height, width):
    images = batch(height=height, width=width)
    padded = np.pad(images[0], ((2, 2), (2, 2), (0, 0)), mode="reflect")
    crops = {
        np.ascontiguousarray(padded[row : row + height, column : column + width]).tobytes()
        for row in range(5)
        for column in range(5)
    }
    assert set(outcomes(augmented(images, shift=2))) == crops


def test_the_generator_determines_the_result_and_the_batch_is_unchanged():
    images, before = batch(), batch()
    options = {"horizontal_flip": True, "quarter_turns": True, "shift": 1}
    np.testing.assert_array_equal(augmented(images, **options), augmented(images, **options))
    assert (augmented(images, **options) != augmented(images, seed=1, **options)).any()
    np.testing.assert_array_equal(images, before)
    assert augmented(images, **options).dtype == np.uint8


def test_quarter_turns_require_square_images():
    with pytest.raises(ValueError, match="Received 4×5 pixels"):
        augmented(batch(height=4), quarter_turns=True)


@pytest.mark.parametrize("shift", [-1, 5])
def test_a_shift_must_be_smaller_than_the_image(shift):
    with pytest.raises(ValueError, match=r"must lie in 0\.\.4 pixels"):
        augmented(batch(), shift=shift)
