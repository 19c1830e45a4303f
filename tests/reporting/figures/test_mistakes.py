import numpy as np
import pytest

from pipeline.reporting.figures.mistakes import mistakes


def test_the_mistakes_show_every_image_its_caption_and_whose_they_are():
    pixels = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8, 1)
    figure = mistakes(
        pixels, ["one", "two", "three", "a caption that is longer than its image is wide"], "Deitsch 2019"
    )
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left").splitlines()[0] for axes in shown[:3]] == ["one", "two", "three"]
    assert max(map(len, shown[3].get_title(loc="left").splitlines())) <= 23
    np.testing.assert_array_equal(shown[2].images[0].get_array(), pixels[2, ..., 0])
    assert figure.get_supxlabel() == "Deitsch 2019"


def test_a_caption_is_due_to_every_image():
    with pytest.raises(ValueError, match=r"Received pixels \(2, 8, 8, 1\) and 1 captions"):
        mistakes(np.zeros((2, 8, 8, 1), np.uint8), ["one"], "")
