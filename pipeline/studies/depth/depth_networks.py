"""The networks of the study on depth: 10,000 parameters each, with receptive fields from 4 to 46 pixels.

The maps of the last convolution are averaged over the image, so a unit before the average sees its receptive field and
nothing else, and the place of a feature in the image is lost. With `head=flatten` the hidden layer would see the whole
image, whatever the field.
"""

from typing import NamedTuple

from pipeline.studies.digit_protocol import Network

RATES = (0.001, 0.003, 0.01, 0.03)
RECIPE = ("optimizer=adamw", "training=short")


class Variant(NamedTuple):
    """A variant of the lecture's network: the way in which its receptive field differs, and its options."""

    family: str
    label: str
    maps: tuple[int, ...]
    kernel: int = 3
    dilation: int = 1


VARIANTS = (
    Variant("depth", "1 convolution", (81,)),
    Variant("depth", "2 convolutions", (26, 26)),
    Variant("depth", "3 convolutions", (19, 19, 19)),
    Variant("depth", "4 convolutions", (16, 16, 16, 16)),
    Variant("dilation", "dilation 2", (26, 26), dilation=2),
    Variant("dilation", "dilation 3", (26, 26), dilation=3),
    Variant("dilation", "dilation 4", (26, 26), dilation=4),
    Variant("kernel size", "kernels 5 × 5", (16, 16), kernel=5),
    Variant("kernel size", "kernels 7 × 7", (12, 12), kernel=7),
)
"""All with 3 × 3 kernels, without dilation and with two convolutions unless stated.

The network with two convolutions belongs to every family. The numbers of maps make those of parameters nearly equal.
"""

START = "2 convolutions"


def networks() -> tuple[Network, ...]:
    """The networks by variant, each with max pooling after every convolution and an average over the last maps."""
    return tuple(Network(one.label, (*_options(one), *RECIPE), RATES) for one in VARIANTS)


def _options(one: Variant) -> tuple[str, ...]:
    return (
        "model=lecture_cnn",
        "model.options.head=average",
        f"model.options.filters=[{','.join(map(str, one.maps))}]",
        f"model.options.kernel_size={one.kernel}",
        f"model.options.dilation={one.dilation}",
    )
