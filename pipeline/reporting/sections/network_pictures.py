"""What each network has learned, in pictures: kernels, feature maps, what units respond to, and Grad-CAM."""

from collections.abc import Mapping
from urllib.parse import quote

from pipeline.reporting.blocks import Bullets, Fold, Image, Images, Paragraph, Section
from pipeline.reporting.content import Comparison

KINDS = {
    "kernels": ("Kernels of the first layer", "Kernels of the first layer of {model}."),
    "feature-maps": (
        "Feature maps of a test image",
        "A test image, and below it the feature maps that {model} computes from it, a row for each block of layers.",
    ),
    "units": (
        "What units respond to, by depth",
        "For each layer of {model}, from near the image to near the output: images made to excite some of its units, "
        "and the test images that excite them most.",
    ),
    "grad-cam": (
        "Grad-CAM on the worst mistakes",
        "Test images that {model} misclassified with the highest confidence, with the parts that speak for the "
        "predicted and for the true class in yellow.",
    ),
}
"""Title and description of each kind of picture, as the names of pictures contain it."""


def section(comparison: Comparison) -> Section | None:
    """Return a fold of pictures per interpreted model."""
    learned = {model: pictures for model, pictures in comparison.learned.items() if pictures}
    if not learned:
        return None
    data = comparison.data
    return Section(
        "learned",
        "What the networks have learned",
        (
            Paragraph(
                "The pictures show the replicate of each model with the lowest validation loss, and its test images. "
                f"Images: {data.attribution}. Licence: {data.licence}."
            ),
            Bullets(
                (
                    "Kernels: a unit of the first layer responds most where the image is bright under white weights "
                    "and dark under black ones.",
                    "Feature maps: a row is a block of layers, from near the image to near the output, on one scale. "
                    "Black is 0, white the largest value; if there are negative values, grey is 0. The maps that "
                    "differ most between the test images are shown.",
                    "What units respond to: each column is a unit. The tile in a blue frame is computed: gradient "
                    "ascent changes its grey levels until the unit responds strongly. The tiles below are the parts of "
                    "the three test images to which the unit responds most. "
                    "Only the pixels that a unit depends on are shown; light grey lies outside the image. The same "
                    "maps are shown as in the row of feature maps.",
                    "Grad-CAM: yellow parts increase the score of the class, on one scale for both classes of an "
                    "image.",
                )
            ),
            *(
                Fold(f"{model}: {_contents(pictures)}", (Images(tuple(_images(model, pictures)), large=True),))
                for model, pictures in learned.items()
            ),
        ),
        "kernels, feature maps, what units respond to, Grad-CAM on mistakes",
    )


def _kind(name: str) -> str:
    """The kind of a picture; names have numbers that order them, as in `2-feature-maps-1`."""
    return next(kind for kind in KINDS if kind in name)


def _contents(pictures: Mapping[str, bytes]) -> str:
    return ", ".join(dict.fromkeys(KINDS[_kind(name)][0].lower().replace("grad-cam", "Grad-CAM") for name in pictures))


def _images(model: str, pictures: Mapping[str, bytes]) -> list[Image]:
    return [
        Image(
            KINDS[_kind(name)][0],
            f"learned-{quote(model, safe='')}-{name}",
            KINDS[_kind(name)][1].format(model=model),
            png,
        )
        for name, png in pictures.items()
    ]
