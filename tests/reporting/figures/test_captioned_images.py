import numpy as np
import pytest

from pipeline.reporting.figures.captioned_images import captioned_images, captioned_images_figure


def test_captions_are_wrapped_to_the_width_of_an_image():
    long = "a caption that is longer than its image is wide"
    values = captioned_images(np.zeros((2, 8, 8, 1), np.uint8), ["short", long], "Deitsch 2019")
    assert values.captions[0] == "short"
    assert values.captions[1].replace("\n", " ") == long
    assert max(map(len, values.captions[1].splitlines())) <= 23


def test_the_figure_shows_every_image_with_its_caption_and_the_attribution():
    pixels = np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8, 1)
    figure = captioned_images_figure(captioned_images(pixels, ["one", "two", "three", "four"], "Deitsch 2019"))
    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in panels] == ["one", "two", "three", "four"]
    for axes, image in zip(panels, pixels, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), image[..., 0])
    assert figure.get_supxlabel() == "Deitsch 2019"


def test_every_image_needs_a_caption():
    with pytest.raises(ValueError, match=r"Received pixels \(2, 8, 8, 1\) and 1 captions"):
        captioned_images(np.zeros((2, 8, 8, 1), np.uint8), ["one"], "")
