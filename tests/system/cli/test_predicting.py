"""`convtrack predict` as a user runs it, with a packaged network that LiteRT runs."""

import csv
import signal
import subprocess
import sys
from io import StringIO

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT

PICTURES = 300
PREDICT = ("predict", "pictures", "--model", "./package")


@pytest.fixture(scope="module")
def project(new_project):
    """A project without a store, with pictures of 64×64 pixels and a packaged network with random weights."""
    made = new_project()
    (made.folder / "package").mkdir()
    command = [sys.executable, "-m", "benchmarks.generated_package", str(made.folder / "package")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=made.variables)
    rng = np.random.default_rng(0)
    (made.folder / "pictures").mkdir()
    for number in range(PICTURES):
        pixels = rng.integers(256, size=(64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(made.folder / "pictures" / f"{number:03}.png")
    return made


def test_the_answers_are_those_of_keras(project):
    import keras

    rows = list(csv.DictReader(StringIO(project.run(*PREDICT, "--format", "csv").stdout)))
    pixels = [np.asarray(Image.open(file)) for file in sorted((project.folder / "pictures").iterdir())]
    network = keras.models.load_model(project.folder / "package" / "network.keras")
    expected = network.predict(np.stack(pixels).astype(np.float32), verbose=0)
    found = np.array([[float(row[f"probability_{label}"]) for label in range(10)] for row in rows])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert [row["class"] for row in rows] == [str(label) for label in expected.argmax(axis=1)]


def test_neither_tensorflow_nor_mlflow_nor_pandas_is_imported(project):
    result = project.run(*PREDICT, python=("-X", "importtime"))
    assert result.code == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert "ai_edge_litert" in imported
    assert imported & {"tensorflow", "keras", "mlflow", "pandas", "matplotlib", "scipy", "sklearn"} == set()


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_quietly(project, by):
    result = project.interrupted("predict", *["pictures"] * 200, "--model", "./package", after="pictures/", by=by)
    assert (result.code, result.stderr) == (130, "")


def test_a_reader_that_has_enough_ends_the_command_quietly(project):
    command = [sys.executable, "-m", "pipeline", "predict", *["pictures"] * 200, "--model", "./package"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=project.folder, env=project.variables, text=True, **pipes) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 1


def test_without_a_champion_the_next_step_is_named(project):
    message = project.run("predict", "pictures").error_message()
    assert message.startswith("There is no champion of")
    assert "`dvc repro`" in message


def test_a_store_that_is_away_is_one_sentence(project):
    message = project.run("predict", "pictures", MLFLOW_TRACKING_URI="http://127.0.0.1:9").error_message()
    assert message.startswith("The tracking store http://127.0.0.1:9 cannot be reached")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("huge.png", "20,000 × 20,000 pixels exceed the limit of 100,000,000"),
        ("text.png", "damaged, or not in a supported picture format"),
        ("empty.jpg", "empty file"),
    ],
)
def test_a_picture_that_cannot_be_read_is_named_with_the_reason(project, tmp_path, name, reason):
    if name == "huge.png":
        Image.new("1", (20_000, 20_000)).save(tmp_path / name)
    else:
        (tmp_path / name).write_text("text" if name == "text.png" else "")
    result = project.run("predict", str(tmp_path / name), "pictures/000.png", "--model", "./package")
    assert result.code == 1
    assert result.stderr.startswith("convtrack: 1 of 2 pictures cannot be read; the others are classified. Repair it ")
    assert f"{name}: {reason}" in result.stderr
    assert "pictures/000.png" in result.stdout


@pytest.mark.parametrize("name", ["one.png", "still.gif", "film.gif"])
def test_tiny_pictures_and_gifs_are_classified_with_flags(project, tmp_path, name):
    first, *others = [Image.new("L", (1, 1), level) for level in (7, 200)]
    first.save(tmp_path / name, **({"save_all": True, "append_images": others} if name == "film.gif" else {}))
    result = project.run("predict", str(tmp_path / name), "--model", "./package")
    assert result.code == 0
    assert ("only the first of its frames" in result.stdout) == (name == "film.gif")
    assert "unlike the training images" in result.stdout
