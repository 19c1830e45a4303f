from dataclasses import fields, replace

import numpy as np
import pytest

from pipeline.config.schema import AugmentationConfig
from pipeline.data.prepared import ImageTexts, Prepared
from pipeline.data.splits import TEST, TRAIN
from pipeline.errors import UserError
from pipeline.reporting.augmentation_sheet import augmentation_sheet
from pipeline.reporting.figures.augmented_images import augmented_images, augmented_images_figure

OFF = AugmentationConfig(False, False, False, 0)
ON = {"shift": 2, "rotate": 30.0}


@pytest.fixture
def prepared():
    """Twenty images of two classes, the first two of them test images."""
    names = np.array([f"image-{number}" for number in range(20)])
    return Prepared(
        pixels=np.random.default_rng(0).integers(256, size=(20, 8, 8, 3), dtype=np.uint8),
        labels=np.array([0] * 15 + [1] * 5),
        splits=np.array([[TEST] * 2 + [TRAIN] * 18], np.uint8),
        digests=np.zeros((20, 32), np.uint8),
        manifest={
            "classes": ["a", "b"],
            "attribution": "nobody",
            "licence": "CC0",
            "replicates": [{"mean": [9.6, 0, 0], "standard_deviation": [1, 1, 1]}],
        },
        read_texts=lambda: ImageTexts(names, names, None),
    )


def test_the_first_row_has_training_images_of_the_classes_in_turn(prepared):
    values = augmented_images(prepared, replace(OFF, noise=0.1))
    np.testing.assert_array_equal(values.pixels[0], prepared.pixels[[2, 15, 3, 16, 4, 17]])


@pytest.mark.parametrize("setting", [one.name for one in fields(AugmentationConfig)])
def test_each_setting_has_a_row_with_changed_images(prepared, setting):
    value = ON.get(setting, 0.5 if "_" not in setting else True)
    values = augmented_images(prepared, replace(OFF, **{setting: value}))
    assert values.rows[0] == "original" and values.rows[1].startswith(setting.replace("_", " "))
    assert values.pixels.shape == (2, 6, 8, 8, 3)
    assert (values.pixels[0] != values.pixels[1]).any()


def test_several_settings_have_a_last_row_with_all_of_them(prepared):
    values = augmented_images(prepared, replace(OFF, vertical_flip=True, cutout=1.0, mixup=0.5))
    assert values.rows == ("original", "vertical flip", "cutout 1", "mixup 0.5", "all together")
    assert values.attribution == "nobody. Licence: CC0."
    assert (values.pixels[2][..., 0] == 10).any(), "holes have the mean of the training pixels"


def test_quarter_turns_of_images_that_are_not_square_are_a_user_error(prepared):
    wide = replace(prepared, pixels=prepared.pixels[:, :6])
    with pytest.raises(UserError, match="cannot be applied to these images: `quarter_turns` must be off"):
        augmented_images(wide, replace(OFF, quarter_turns=True))


def test_the_figure_has_a_named_strip_for_each_row(prepared):
    values = augmented_images(prepared, replace(OFF, noise=0.1))
    figure = augmented_images_figure(values)
    assert [axes.get_ylabel() for axes in figure.axes] == ["original", "noise 0.1"]
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array()[:, :8], values.pixels[1, 0])


def test_without_augmentation_there_is_no_sheet_and_no_prepared_images_are_read(tmp_path):
    assert augmentation_sheet(tmp_path / "missing", OFF) is None
