import json

import pytest

from benchmarks import whole
from benchmarks.whole import write_job
from pipeline.errors import UserError
from pipeline.storage.files import write_json
from pipeline.storage.folders import RunFolder, planned_file

NONE = {"horizontal_flip": False, "vertical_flip": False, "quarter_turns": False, "shift": 0}
RECIPE = """# @package _global_
model:
  architecture: logistic
optimizer:
  learning_rate: 0.125
training:
  epochs: 3
augmentation:
  shift: 1
"""


@pytest.fixture
def compared(project, eight_images, monkeypatch):
    """A function that makes a project with these models, name → content of the file, and the replicates planned."""

    def made(models, replicates):
        file = project.folder / "conf" / "comparison.yaml"
        lines = [line for line in file.read_text().splitlines() if not line.startswith(("models:", "  - "))]
        file.write_text("\n".join([*lines, f"models: [{', '.join(models)}]", ""]))
        for name, content in models.items():
            (project.folder / "conf" / "model" / f"{name}.yaml").write_text(content)
            write_json(project.folder / planned_file(name), {"replicates": replicates[name]})
        monkeypatch.setattr(whole, "read_prepared", lambda folder: eight_images)
        return project.folder

    return made


def write_network(project, model, columns=("image", "output")):
    """Write as a network's JSON only the names of its input and its output."""
    image, output = columns
    config = {"input_layers": [[image, 0, 0]], "output_layers": [[output, 0, 0]], "layers": []}
    write_json(project / RunFolder.of(model).architecture, {"class_name": "Functional", "config": config})


def test_the_script_gets_the_recipe_and_the_replicates_of_each_model(compared, tmp_path):
    project = compared({"plain": "architecture: logistic\n", "own": RECIPE}, {"plain": 1, "own": 2})
    write_network(project, "plain")
    write_network(project, "own")
    plain, own = json.loads(write_job(project, tmp_path).read_text())
    assert own["replicates"][:1] == plain["replicates"] and len(own["replicates"]) == 2
    assert (plain["optimizer"]["learning_rate"], own["optimizer"]["learning_rate"]) == (0.01, 0.125)
    assert (plain["training"]["epochs"], own["training"]["epochs"]) == (10, 3)
    assert (plain["augmentation"], own["augmentation"]) == (NONE, NONE | {"shift": 1})


def test_a_network_that_the_script_cannot_train_is_named(compared, tmp_path):
    project = compared({"pairs": "architecture: siamese\n"}, {"pairs": 1})
    write_network(project, "pairs", ("image", "same"))
    with pytest.raises(UserError, match="one output, its class, but 'pairs'"):
        write_job(project, tmp_path)
