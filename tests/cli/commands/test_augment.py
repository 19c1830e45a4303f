from pathlib import Path

import pytest
from PIL import Image

from pipeline.cli.commands import augment
from pipeline.errors import UserError


@pytest.fixture
def images(tmp_path, monkeypatch):
    """A working directory with the configuration, whose comparison uses the digits without augmentation."""
    (tmp_path / "conf").symlink_to(Path("conf").resolve())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_sheet_of_a_chosen_augmentation_is_written(images, capsys):
    augment.main(["data=digits", "augmentation=contrast", "--output", "sheets/light.png"])
    assert capsys.readouterr().out.endswith("Written: sheets/light.png\n")
    with Image.open("sheets/light.png") as sheet:
        assert sheet.format == "PNG" and sheet.height > 300


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["data=digits", "augmentation=none"], "The augmentation changes nothing: choose one"),
        (["strong"], r"A setting must be NAME=VALUE, such as augmentation=strong\. Received 'strong'"),
    ],
)
def test_mistakes_are_named(images, arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        augment.main(arguments)
