"""`convtrack verify RUN` follows a run to its origin, and trains it again."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from pipeline.errors import UserError
from tests.system.cache.recorded_runs import MODEL, RUN, chain, run_id


def test_a_run_leads_to_commit_configuration_images_environment_and_files(here):
    found = chain(MODEL)
    assert {state for state, _ in found.values()} == {"ok"}
    record = json.loads((RUN / "train/replicates.json").read_text())["replicates"][0]
    assert f"commit {record['commit'][:12]}" in found
    assert "tensorflow" in found["environment"][1] and "the same here" in found["environment"][1]
    for subject in ("configuration", "images", "fingerprint", "files"):
        assert subject in found
    assert chain(run_id(MODEL)[:10]) == chain(record["model_fingerprint"][:12]) == found


def test_a_replicate_is_found_by_id_and_fingerprint(here):
    own = json.loads((RUN / "train/replicates.json").read_text())["replicates"][1]["fingerprint"]
    found = chain(own[:12])
    assert {state for state, _ in found.values()} == {"ok"}
    assert chain(run_id(f"{MODEL} replicate 2")) == found


def test_a_chain_names_what_was_changed(change_store):
    change_store(
        "update params set value = '0.5' where key = 'optimizer.learning_rate' and run_uuid = "
        f"(select run_uuid from runs where name = '{MODEL}')",
    )
    found = chain(MODEL)
    assert (
        found["configuration"][0] == "differs" and "optimizer.learning_rate (0.5, expected" in found["configuration"][1]
    )
    assert found["fingerprint"][0] == "differs"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lenet", "has no run with the id, fingerprint or name 'lenet'"),
        ("comparison", "comparison is no training"),
        ("grey_levels", "grey_levels is no training"),
    ],
)
def test_a_word_that_names_no_training_is_one_sentence(here, word, message):
    with pytest.raises(UserError, match=re.escape(message)):
        chain(word)


def again(*arguments, **environment):
    """Run the command to its end; the training it starts takes about ten seconds."""
    command = [sys.executable, "-m", "pipeline", "verify", *arguments, "--again"]
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def checkouts(folder):
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True)
    return listed.stdout.count("\n") - 1, sorted(folder.rglob("convtrack-checkout-*"))


# Each of the following tests takes 10 to 30 s: it trains in a process of its own, which imports TensorFlow three times.
def test_training_again_without_the_cache_compares_the_bits_of_each_replicate(here, tmp_path):
    import h5py

    with h5py.File(here(RUN / "train/replicate-0/kept.weights.h5"), "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        file[names[0]][...] = file[names[0]][...] + 0.5
    code, text = again(MODEL, TMPDIR=str(tmp_path))
    assert "Training 2 replicates of lecture_cnn again at commit" in text
    assert "give the recorded fingerprint of 2 replicates" in text
    assert f"replicate 1: weights {names[0]} differ" in text
    assert "weights and predictions of 1 replicate are the same, bit for bit" in text
    assert code == 1 and checkouts(tmp_path) == (0, [])


def test_an_interrupted_training_leaves_no_checkout(here, tmp_path):
    command = [sys.executable, "-m", "pipeline", "verify", MODEL, "--again"]
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    with subprocess.Popen(
        command, env=kept | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert "Training 2 replicates" in process.stdout.readline()
        while not list(tmp_path.rglob("convtrack-checkout-*/job.json")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Interrupted" in errors
    assert checkouts(tmp_path) == (0, [])


def test_a_run_of_changed_code_is_trained_again_with_its_patch(project, tmp_path, monkeypatch):
    """The change makes another result, so only the patch can give the fingerprint."""
    code = project.folder / "pipeline/training/batches.py"
    code.write_text(code.read_text() + "ADDED = 1\n")
    (project.folder / "conf/model/mine.yaml").write_text("architecture: fully_connected\noptions:\n  units: 3\n")
    project.run(
        *(
            "python",
            "-m",
            "pipeline",
            "experiment",
            "experiment=debug",
            "model=mine",
            "data=digits",
            "training.epochs=1",
        )
    )
    project.run("git", "checkout", "--quiet", "pipeline")
    (project.folder / "conf/model/mine.yaml").unlink()
    monkeypatch.chdir(project.folder)
    code, text = again("mine", TMPDIR=str(tmp_path), PYTHONPATH=str(project.folder))
    assert code == 0, text
    assert "give the recorded fingerprint of 1 replicate" in text and "are the same, bit for bit" in text
