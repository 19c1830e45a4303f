import csv
import json
import sys
from io import BytesIO, StringIO, TextIOWrapper

import numpy as np
import pytest
from PIL import Image

from pipeline.cli.commands import predict
from pipeline.deployment.picture_features import picture_features
from pipeline.deployment.picture_model import PictureModel
from pipeline.deployment.unusual import limits
from pipeline.errors import UserError

# Keras' variables do not implement the `copy` argument of `__array__`, which NumPy 2 expects.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SETTINGS = {
    "classes": ["dark", "light"],
    "decoding": {"height": 4, "width": 6, "channels": 1},
    "flag_colour": False,
    # Nothing is unusual.
    "limits": limits(picture_features(np.random.default_rng(0).integers(256, size=(9, 4, 6, 1), dtype=np.uint8)))
    | {"limit": 1e9},
    "temperature": 1.0,
    "mean_pixel": [128.0],
    "modules": [],
    "measured": {"test": {"images": 200}},
    "thresholds": [{"error_rate": 0.01, "confidence": 0.75, "coverage": 0.9, "measured": 0.005}],
}


def mean_grey_level(pixels):
    """A network with one output, the probability of `light`."""
    return pixels.mean(axis=(1, 2, 3), dtype=np.float32)[:, None] / 255


@pytest.fixture
def batches():
    return []


@pytest.fixture(autouse=True)
def champion(monkeypatch, tmp_path, batches):
    """A champion in a folder `package`, and four pictures of known grey levels."""

    def runtime(pixels):
        batches.append(len(pixels))
        return mean_grey_level(pixels)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predict, "registered_folder", lambda address: tmp_path / "package")
    monkeypatch.setattr(predict.PictureModel, "load", lambda folder: PictureModel(SETTINGS, runtime))
    for name, level in (("a/0.png", 0), ("a/255.png", 255), ("a/153.png", 153), ("b/0.png", 51)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (12, 8), level).save(tmp_path / name)
    return tmp_path


def test_a_table_has_a_row_per_picture_and_its_name_last(capsys):
    predict.main(["a", "b"])
    assert capsys.readouterr().out.splitlines() == [
        "class  confidence  picture",
        "dark      >99.9 %  a/0.png",
        "light      60.0 %  a/153.png",
        "light     >99.9 %  a/255.png",
        "dark       80.0 %  b/0.png",
    ]


def test_csv_has_the_columns_of_the_logged_model_after_the_name(capsys):
    predict.main(["b", "a/0.png", "--format", "csv"])
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    frame = PictureModel(SETTINGS, mean_grey_level).answers(["b/0.png", "a/0.png"]).to_frame()
    assert list(rows[0]) == ["picture", *frame.columns]
    assert [row["picture"] for row in rows] == ["b/0.png", "a/0.png"]
    assert [row["class"] for row in rows] == frame["class"].tolist()
    for column in ("confidence", "probability_dark", "probability_light"):
        assert [float(row[column]) for row in rows] == frame[column].tolist(), "without rounding"


def test_json_lines_hold_the_same_values(capsys):
    predict.main(["b", "--format", "jsonl"])
    (line,) = capsys.readouterr().out.splitlines()
    probabilities = PictureModel(SETTINGS, mean_grey_level).answers(["b/0.png"]).probabilities[0].tolist()
    assert json.loads(line) == {
        "picture": "b/0.png",
        "class": "dark",
        "confidence": probabilities[0],
        "abstains": False,
        "flags": [],
        "problem": None,
        "probabilities": dict(zip(["dark", "light"], probabilities, strict=True)),
    }


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_unreadable_pictures_are_named_and_the_others_are_classified(champion, capsys, form):
    (champion / "a/1.png").write_text("not a picture")
    with pytest.raises(UserError) as problem:
        predict.main(["a", "missing.png", "--format", form])
    reason = "damaged, or not in a supported picture format"
    assert str(problem.value) == (
        "2 of 5 pictures cannot be read; the others are classified. Repair them or leave them out:\n"
        f"  a/1.png: {reason}\n  missing.png: No such file or directory"
    )
    lines = capsys.readouterr().out.splitlines()
    (broken,) = (line for line in lines if "a/1.png" in line)
    assert {
        "table": broken == f"–                  a/1.png  (unreadable: {reason})",
        "csv": broken == f'a/1.png,,,false,,"{reason}",,',
        "jsonl": form == "jsonl"
        and json.loads(broken)
        == dict.fromkeys(("class", "confidence", "probabilities"))
        | {"picture": "a/1.png", "abstains": False, "flags": [], "problem": reason},
    }[form]
    assert sum("a/" in line for line in lines) == 4


def test_an_error_rate_lets_the_network_abstain_and_states_what_to_expect(capsys):
    predict.main(["a", "--error-rate", "0.02"])
    output, notes = capsys.readouterr()
    assert [line for line in output.splitlines() if "abstains" in line] == ["light      60.0 %  a/153.png  (abstains)"]
    assert notes == (
        "The network abstains below a confidence of 75.00 %. On 200 test images: coverage 90.0 %, error rate 0.50 %.\n"
    )


def test_an_error_rate_below_all_measured_ones_lets_the_network_always_abstain(capsys):
    predict.main(["a", "--error-rate", "0.001"])
    output, notes = capsys.readouterr()
    assert output.count("abstains") == 3
    assert notes.endswith("to confirm an error rate of 0.001: the network abstains on every picture.\n")


def test_a_threshold_that_no_test_image_reached_is_stated_as_a_coverage_of_zero(capsys, monkeypatch):
    unreached = {"error_rate": 0.01, "confidence": 0.99, "coverage": 0.0, "measured": None}
    monkeypatch.setitem(SETTINGS, "thresholds", [unreached])
    predict.main(["a", "--error-rate", "0.01"])
    output, notes = capsys.readouterr()
    assert output.count("abstains") == 1  # Black and white pictures have a confidence of 1.
    assert notes == "The network abstains below a confidence of 99.00 %. On 200 test images: coverage 0.0 %.\n"


def test_an_impossible_error_rate_is_a_user_error():
    with pytest.raises(UserError, match=r"must be greater than 0 and less than 1\. Received 3"):
        predict.main(["a", "--error-rate", "3"])


@pytest.mark.parametrize(("file", "start"), [("out.csv", "picture,class"), ("out.jsonl", "{"), ("out", "class  conf")])
def test_the_suffix_of_the_output_chooses_the_format(champion, capsys, file, start):
    predict.main(["a", "--output", file])
    assert (champion / file).read_text(encoding="utf-8").startswith(start)
    assert capsys.readouterr().out == ""


def test_an_output_is_complete_or_missing(champion, monkeypatch):
    (champion / "out.csv").write_text("picture,class,before")

    def interrupted(self, pictures):
        raise KeyboardInterrupt

    monkeypatch.setattr(PictureModel, "pixels", interrupted)
    with pytest.raises(SystemExit) as end:
        predict.main(["a", "--output", "out.csv"])
    assert end.value.code == 130
    assert (champion / "out.csv").read_text() == "picture,class,before"
    assert sorted(file.name for file in champion.iterdir()) == ["a", "b", "out.csv"]


@pytest.mark.parametrize("output", ["a", "missing/out.csv", "b/0.png", "/dev/null"])
def test_an_output_replaces_no_picture_folder_or_device(champion, output):
    before = (champion / "b/0.png").read_bytes()
    with pytest.raises(UserError, match="`--output` must name a file in an existing folder, and no picture"):
        predict.main(["a", "--output", output])
    assert (champion / "b/0.png").read_bytes() == before


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_an_output_replaces_an_earlier_one_but_no_other_file(champion, form):
    for _ in range(2):
        predict.main(["a", "--format", form, "--output", "out"])
    (champion / "mlflow.db").write_text("SQLite format 3")
    with pytest.raises(UserError, match=r"'mlflow.db' exists and was not written by `convtrack predict`"):
        predict.main(["a", "--format", form, "--output", "mlflow.db"])
    assert (champion / "mlflow.db").read_text() == "SQLite format 3"


def test_a_long_list_on_standard_input_is_classified_in_batches(monkeypatch, capsys, batches):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"a/0.png\n" * 150)))
    predict.main(["-", "--format", "csv"])
    assert len(capsys.readouterr().out.splitlines()) == 151
    assert batches == [64, 64, 22]


def test_notes_do_not_mix_with_the_answers(champion, capsys):
    (champion / "a/notes.txt").touch()
    predict.main(["a", "--format", "jsonl"])
    output, notes = capsys.readouterr()
    assert len([json.loads(line) for line in output.splitlines()]) == 3
    assert notes == "Left out of 'a': 1 file or folder, such as notes.txt: not a supported picture format (.txt).\n"


def test_names_that_no_terminal_can_print_are_escaped(champion, capsys):
    Image.new("L", (1, 1)).save(champion / "two\nlines.png")
    predict.main(["two\nlines.png"])
    assert capsys.readouterr().out.splitlines()[1] == "dark      >99.9 %  two\\nlines.png"


@pytest.mark.parametrize("folder", ["a", "a/explained"])
def test_figures_are_not_written_among_the_pictures(champion, folder):
    with pytest.raises(UserError, match=f"Received '{folder}' inside 'a': name another folder"):
        predict.main(["b", "a", "--explain", folder])
    assert len(list((champion / "a").iterdir())) == 3


@pytest.mark.parametrize("head", ["convolutional", "dense"])
def test_explanations_are_written_for_each_readable_picture(champion, capsys, head):
    from pipeline.training.runtime import start_tensorflow

    start_tensorflow()
    import keras

    image = keras.Input((4, 6, 1))
    x = keras.layers.Conv2D(2, 3)(image) if head == "convolutional" else image
    network = keras.Model(image, keras.layers.Dense(1, "sigmoid")(keras.layers.Flatten()(x)), name="tiny")
    (champion / "package").mkdir()
    network.save(champion / "package/network.keras")
    (champion / "a/1.png").write_text("not a picture")
    with pytest.raises(UserError, match="1 of 5 pictures cannot be read"):
        predict.main(["a", "b", "--explain", "explained"])
    files = sorted((champion / "explained").iterdir())
    assert [file.name for file in files] == [
        "0.png.2.explained.png", "0.png.explained.png", "153.png.explained.png", "255.png.explained.png",
    ]  # fmt: skip
    with Image.open(files[0]) as figure:
        assert figure.width > (900 if head == "convolutional" else 600)
    notes = capsys.readouterr().err
    assert notes.count("The figures show occlusion only.") == (head == "dense")


@pytest.mark.parametrize("folder", ["a/0.png", "a/0.png/explained", "/proc/explained"])
def test_a_folder_of_explanations_that_cannot_be_made_is_reported_before_any_work(folder, batches):
    with pytest.raises(UserError, match="`--explain` must name a folder that can be written"):
        predict.main(["b", "--explain", folder])
    assert not batches
