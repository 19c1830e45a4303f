from pipeline.reporting.blocks import Fold
from pipeline.reporting.sections.network_pictures import section


def test_every_interpreted_model_has_a_fold_with_its_pictures(compare):
    shown = section(
        compare(
            learned={
                "lenet5": {"1-kernels": b"k", "2-feature-maps-1": b"a", "2-feature-maps-2": b"b", "3-units": b"u"},
                "resnet8": {"1-kernels": b"k", "4-grad-cam": b"g"},
                "fully_connected": {},
            }
        )
    )
    first, second = (block for block in shown.blocks if isinstance(block, Fold))
    assert first.summary == (
        "lenet5: kernels of the first layer, feature maps of a test image, what units respond to, by depth"
    )
    assert second.summary == "resnet8: kernels of the first layer, Grad-CAM on the worst mistakes"
    (images,) = first.blocks
    assert [image.png for image in images.images] == [b"k", b"a", b"b", b"u"]
    assert [image.name for image in images.images][:2] == [
        "learned-lenet5-1-kernels",
        "learned-lenet5-2-feature-maps-1",
    ]


def test_without_an_interpretation_there_is_no_section(comparison):
    assert section(comparison) is None
