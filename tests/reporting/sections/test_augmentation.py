from pipeline.reporting.blocks import Images
from pipeline.reporting.sections.augmentation import section


def test_models_with_the_same_augmentation_share_a_picture(compare):
    shown = section(compare(augmented={"lenet5": b"flips", "resnet8": b"noise", "fully_connected": b"flips"}))
    (images,) = (block for block in shown.blocks if isinstance(block, Images))
    assert [(image.title, image.png) for image in images.images] == [
        ("lenet5, fully_connected", b"flips"),
        ("resnet8", b"noise"),
    ]


def test_without_augmentation_there_is_no_section(comparison):
    assert section(comparison) is None
