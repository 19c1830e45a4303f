import json
from importlib import import_module
from io import BytesIO
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
import pytest
from PIL import Image

from pipeline.deployment.calibration import tempered
from pipeline.deployment.picture_model import SETTINGS, PictureModel, read_settings
from pipeline.errors import UserError


@pytest.fixture
def model(settings, brightest_quarter):
    return PictureModel(settings, brightest_quarter)


def png(pixels, mode=None):
    stream = BytesIO()
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    (image.convert(mode) if mode else image).save(stream, "PNG")
    return stream.getvalue()


def test_a_file_its_path_as_text_its_bytes_and_its_array_give_the_same_answer(model, training_pixels, tmp_path):
    (tmp_path / "a.png").write_bytes(png(training_pixels[1]))
    given = [tmp_path / "a.png", str(tmp_path / "a.png"), png(training_pixels[1]), training_pixels[1]]
    answers = model.answers(given)
    assert answers.classes == ("upper right",) * 4
    assert (answers.probabilities == answers.probabilities[0]).all()
    assert answers.problems == (None,) * 4


def test_probabilities_are_those_of_the_network_and_the_confidence_is_calibrated(
    model, training_pixels, brightest_quarter
):
    answers = model.answers(list(training_pixels[:9]))
    expected = brightest_quarter(training_pixels[:9].astype(np.float32))
    np.testing.assert_allclose(answers.probabilities, expected, rtol=1e-6)
    np.testing.assert_allclose(answers.confidence, tempered(answers.probabilities, 2).max(axis=1))


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (32, 16), (16, 16, 3), (40, 40, 4)])
def test_arrays_of_any_size_become_images_of_the_network(model, shape):
    (decoded,) = model.pixels([np.full(shape, 90, np.uint8)])
    assert decoded.pixels.shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("picture", "problem"),
    [
        (np.zeros((8, 8), np.float32), "convert its values to uint8"),
        (np.zeros((8, 8, 2), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((0, 8), np.uint8), "no pixels"),
        (np.zeros((3, 8, 8, 1), np.uint8), "1, 3 or 4 channels"),
        (b"", "empty file"),
        (b"not a picture", "not in a supported picture format"),
        ("missing.png", "No such file"),
    ],
)
def test_an_unreadable_picture_has_a_problem_and_the_others_keep_their_answers(
    model, training_pixels, picture, problem
):
    answers = model.answers([training_pixels[0], picture, training_pixels[1]])
    assert answers.classes == ("upper left", None, "upper right")
    assert problem in answers.problems[1]
    assert np.isnan(answers.probabilities[1]).all() and np.isnan(answers.confidence[1])
    assert not answers.abstains[1]
    frame = answers.to_frame()
    assert frame["problem"].tolist() == ["", answers.problems[1], ""]
    assert list(frame.columns[-4:]) == [f"probability_{name}" for name in model.classes]


def test_a_network_abstains_below_the_confidence_for_the_wanted_error_rate(model, training_pixels):
    unclear = np.full((8, 8), 90, np.uint8)
    for rate, abstains in ((None, [False, False]), (0.1, [False, True]), (0.05, [False, True]), (0.001, [True, True])):
        assert model.answers([training_pixels[0], unclear], error_rate=rate).abstains.tolist() == abstains


@pytest.mark.parametrize("rate", [0.0, -1.0, 1.0, 7.0])
def test_an_error_rate_outside_its_range_is_refused(model, training_pixels, rate):
    with pytest.raises(UserError, match="greater than 0 and less than 1"):
        model.answers([training_pixels[0]], error_rate=rate)


def test_colour_pictures_are_flagged_if_the_training_images_are_grey(model, training_pixels):
    grey = np.repeat(training_pixels[0], 3, axis=2)
    colour = grey.copy()
    colour[:, :, 0] = 255 - colour[:, :, 0]
    flags = model.answers([grey, colour, png(grey), png(colour), png(training_pixels[0], "LA")]).flags
    flagged = ["a colour picture, but all training images are grey" in one for one in flags]
    assert flagged == [False, True, False, True, False]


def test_a_picture_unlike_the_training_images_is_flagged(model, training_pixels):
    answers = model.answers([training_pixels[5], 255 - training_pixels[5], np.zeros((8, 8), np.uint8)])
    assert answers.flags[0] == ()
    assert answers.flags[1] and answers.flags[2]


def test_only_the_first_frame_of_an_animation_is_used_and_the_others_are_mentioned(model, training_pixels):
    stream = BytesIO()
    frames = [Image.fromarray(image[:, :, 0]) for image in training_pixels[:2]]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    answers = model.answers([stream.getvalue()])
    assert answers.classes == ("upper left",)
    assert answers.flags[0][0] == "only the first of its frames or pages is used"


def test_no_pictures_give_no_answers(model):
    assert model.answers([]).to_frame().empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no packaged network"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"format": 1, "classes": ["a", "b"]}', "damaged or comes from another version"),
        ('{"format": 99}', "format 99, but this version of convtrack reads format 1"),
    ],
)
def test_a_folder_without_a_usable_network_is_one_clear_error(tmp_path, text, message):
    if text is not None:
        (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(UserError, match=message):
        read_settings(tmp_path)


def test_a_damaged_network_is_one_clear_error(tmp_path, settings):
    (tmp_path / SETTINGS).write_text(json.dumps(settings))
    (tmp_path / "network.tflite").write_bytes(b"broken")
    with pytest.raises(UserError, match="cannot be loaded"):
        PictureModel.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["upper", "lower"]}, "model.json has 2 classes, but the network has 4"),
        ({"modules": ["pipeline.layers.gone"]}, "No module named 'pipeline.layers.gone'"),
    ],
)
def test_a_network_that_does_not_fit_its_settings_is_one_clear_error(
    tmp_path, settings, brightest_quarter, monkeypatch, change, message
):
    def load(_, modules):
        for module in modules:
            import_module(module)
        return brightest_quarter

    monkeypatch.setattr("pipeline.deployment.picture_model.load_runtime", load)
    (tmp_path / SETTINGS).write_text(json.dumps(settings | change))
    with pytest.raises(UserError, match=f"cannot be loaded .{message}"):
        PictureModel.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [{"limits": {}}, {"temperature": None}, {"thresholds": [1]}, {"thresholds": None}],
)
def test_settings_that_do_not_fit_the_network_are_found_when_it_is_loaded(
    tmp_path, settings, brightest_quarter, monkeypatch, damage
):
    monkeypatch.setattr("pipeline.deployment.picture_model.load_runtime", lambda *_: brightest_quarter)
    (tmp_path / SETTINGS).write_text(json.dumps(settings))
    PictureModel.load(tmp_path)
    (tmp_path / SETTINGS).write_text(json.dumps({**settings, **damage}))
    with pytest.raises(UserError, match="cannot be loaded"):
        PictureModel.load(tmp_path)


@pytest.mark.parametrize("problem", [RuntimeError, BadZipFile, ZlibError, ImportError])
def test_no_damage_of_a_network_is_a_traceback(tmp_path, settings, monkeypatch, problem):
    def damaged(*_):
        raise problem("broken")

    monkeypatch.setattr("pipeline.deployment.picture_model.load_runtime", damaged)
    (tmp_path / SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(UserError, match=r"cannot be loaded \(broken\)"):
        PictureModel.load(tmp_path)
