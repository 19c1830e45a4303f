import json
import re
from io import BytesIO, TextIOWrapper
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

from pipeline.cli.commands import drift
from pipeline.data.pixel_file import image_digests
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.reference import REFERENCE, make_reference, write_reference
from pipeline.errors import UserError

SETTINGS = {
    "data": "shades",
    "model": "mean",
    "classes": ["dark", "light"],
    "decoding": {"height": 8, "width": 8, "channels": 1},
    "flag_colour": False,
    "temperature": 1.0,
    "mean_pixel": [128.0],
    "modules": [],
}


def pictures(count, seed, noise=30):
    """Noise of at most so many grey levels around a level of each picture's own."""
    random = np.random.default_rng(seed)
    levels = random.integers(30, 226, (count, 1, 1, 1))
    return (levels + random.integers(-noise, noise, (count, 8, 8, 1))).clip(0, 255).astype(np.uint8)


def mean_grey_level(pixels):
    """A network with one output, the probability of `light`."""
    return 1 / (1 + np.exp((128 - pixels.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]) / 10))


class Prepared:
    pixels = pictures(600, seed=0)
    labels = (pixels.mean(axis=(1, 2, 3)) > 128).astype(np.int64)
    digests = image_digests(pixels)
    manifest = MappingProxyType({"classes": ["dark", "light"]})


@pytest.fixture(autouse=True)
def champion(monkeypatch, tmp_path):
    """A champion, and two folders of pictures: as in training, and noisier ones with a text among them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drift, "registered_folder", lambda address: tmp_path)
    monkeypatch.setattr(drift.PictureModel, "load", lambda folder: PictureModel(SETTINGS, mean_grey_level))
    light = mean_grey_level(Prepared.pixels)
    probabilities = np.concatenate([1 - light, light], axis=1)
    parts = ((rows, probabilities[rows]) for rows in (np.arange(200, 400), np.arange(400, 600)))
    write_reference(tmp_path / REFERENCE, make_reference(Prepared, np.arange(200), *parts))
    for folder, noise in (("same", 30), ("noisy", 120)):
        (tmp_path / folder).mkdir()
        for number, pixels in enumerate(pictures(80, seed=1, noise=noise)):
            Image.fromarray(pixels[..., 0]).save(tmp_path / folder / f"{number:02d}.png")
    (tmp_path / "noisy" / "text.png").write_text("no picture")
    return tmp_path


def test_pictures_as_in_training_are_as_expected(capsys):
    drift.main(["same"])
    printed = capsys.readouterr()
    assert printed.out.startswith("As expected: nothing contradicts the reported score.\n")
    assert "80 pictures compared with 200 training images and 200 test images of mean (shades)." in printed.out
    assert "two-sample classifier" in printed.out
    assert printed.err == ""


def test_other_pictures_end_with_exit_code_1_and_unreadable_ones_are_named(capsys):
    with pytest.raises(SystemExit, match="1"):
        drift.main(["noisy"])
    printed = capsys.readouterr().out
    assert printed.startswith("Do not expect the reported score.\n- ")
    assert "Unreadable pictures, left out (1):\n  noisy/text.png: " in printed


def test_json_is_all_that_is_printed(capsys):
    drift.main(["same", "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "as expected"
    assert found["pictures"] == sum(found["predicted_classes"].values()) == 80
    assert found["accuracy"]["reported"] == 1
    assert found["accuracy"]["holds"]
    assert {one["name"] for one in found["checks"]} >= {"brightness", "confidence", "predicted classes"}


def test_few_pictures_are_reported_as_too_few(capsys):
    drift.main(["same/00.png", "same/01.png"])
    assert "2 pictures are too few, because 50 are needed" in capsys.readouterr().out


def test_the_paths_may_come_from_standard_input(champion, capsys, monkeypatch):
    names = "\n".join(f"same/{number:02d}.png" for number in range(60))
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(names.encode())))
    drift.main(["-"])
    assert "60 pictures compared" in capsys.readouterr().out


def test_the_page_shows_verdict_checks_figures_and_unusual_pictures(champion, capsys):
    with pytest.raises(SystemExit):
        drift.main(["noisy", "--output", "page.html"])
    page = (champion / "page.html").read_text(encoding="utf-8")
    for part in ("Do not expect the reported score.", "two-sample classifier", "<svg", "noisy/text.png", "Limits"):
        assert part in page
    assert re.search(r"\d\.\d %", page) and not re.search(r"\d%</td>", page)
    assert capsys.readouterr().err == "Written: page.html\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["noisy/text.png"], r"The picture cannot be read\. noisy/text\.png: "),
        (["noisy/text.png", "none.png"], r"None of the 2 pictures can be read\. noisy/text\.png: "),
        (["absent*.png"], "No file matches 'absent"),
        (
            ["same", "--margin", "2"],
            r"`--margin` must be a loss of accuracy, at least 0 and less than 1\. Rec",
        ),
        (["same", "--output", "page.png"], r"`--output` must name an \.html file in an existing folder"),
        (["same", "--output", "absent/page.html"], r"`--output` must name an \.html file in an existing folder"),
    ],
)
def test_mistakes_are_explained(arguments, message):
    with pytest.raises(UserError, match=message):
        drift.main(arguments)


def test_a_package_without_a_reference_says_what_to_do(champion):
    (champion / REFERENCE).unlink()
    with pytest.raises(UserError, match=r"reference\.npz is missing, so new pictures cannot be compared"):
        drift.main(["same"])
