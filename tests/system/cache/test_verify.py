"""`convtrack verify` names the record that was changed: each test changes one of them in a reproduced project.

The reproduced project is copied once, and a test puts back what it has changed. Two thirds of a whole check is writing
the report again, so only the tests of the report do that.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from pipeline.data.prepared import read_manifest, read_prepared
from pipeline.errors import UserError
from pipeline.storage.digests import DIGESTS, LEVELS
from pipeline.storage.folders import PREPARED, RunFolder
from pipeline.verification import comparison_checks as module_of_checks
from pipeline.verification.scored_replicates import scored_replicates
from pipeline.verification.trained_replicates import trained_replicates

MODEL = "lecture_cnn"
RUN = Path("runs") / MODEL


@pytest.fixture(scope="module")
def verified(first_run, tmp_path_factory, empty_store):
    """A copy of the reproduced project with its store, whose artifacts lie in the copy.

    `empty_store` imports MLflow's tables without the warning that this raises.
    """
    folder = tmp_path_factory.mktemp("verified") / "project"
    first_run.project.copied_with_store(folder)
    return folder


@pytest.fixture
def here(verified, monkeypatch):
    """Work in the copy, and put back the files that `kept` has read."""
    monkeypatch.chdir(verified)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    contents = {}

    def kept(file):
        contents[Path(file)] = Path(file).read_bytes() if Path(file).exists() else None
        return Path(file)

    yield kept
    for file, content in contents.items():
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)


def checks(*, report=False):
    """All checks of the comparison, by default without that of the report."""
    with nullcontext() if report else patch.object(module_of_checks, "written_report", lambda *_: iter(())):
        return list(module_of_checks.comparison_checks())


def differing(*, report=False):
    """The subjects of the checks that differ, each with what was found."""
    return {check.subject: check.found for check in checks(report=report) if check.state == "differs"}


def unsealed(here, file):
    """The file, without the digests by which its readers would reject a change."""
    for folder in Path(file).parents[:LEVELS]:
        if (folder / DIGESTS).exists():
            here(folder / DIGESTS).unlink()
    return here(file)


def replace(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def change_store(here):
    """Return a function that changes one row. SQLite restores the store, because MLflow keeps it open."""
    with closing(sqlite3.connect(":memory:")) as before, closing(sqlite3.connect("mlflow.db")) as store:
        store.backup(before)

        def change(statement):
            with store:
                assert store.execute(statement).rowcount == 1

        yield change
        before.backup(store)


def test_a_reproduced_project_agrees_with_its_records(here):
    found = checks(report=True)
    assert [check for check in found if check.state != "ok"] == []
    subjects = " ".join(check.subject for check in found)
    for link in (
        "data/prepared",
        f"{RUN}/train",
        f"{RUN}/evaluate/scores.json",
        "mlflow.db",
        "dvc.lock",
        "comparison.md",
    ):
        assert link in subjects


@pytest.mark.parametrize("name", ["comparison.md", "comparison.html"])
def test_a_changed_number_in_a_report_is_found(here, name):
    file = here(f"reports/{name}")
    score = re.search(r"0\.\d{3} ± 0\.\d{3}", file.read_text(encoding="utf-8"))[0]
    replace(file, score, "0.999" + score[5:])
    found = differing(report=True)
    assert found.keys() == {f"reports/{name}", "dvc.lock, report"} | (
        {"sqlite:///mlflow.db"} if name.endswith("html") else set()
    )
    assert "0.999" in found[f"reports/{name}"] and score in found[f"reports/{name}"]


def test_a_changed_score_is_found_with_the_value_that_the_predictions_give(here):
    file = unsealed(here, RUN / "evaluate/scores.json")
    scores = json.loads(file.read_text())
    right = scores["replicates"][1]["scores"]["accuracy"]
    scores["replicates"][1]["scores"]["accuracy"] = 0.999
    file.write_text(json.dumps(scores))
    found = differing(report=True)
    assert f"replicates.1.scores.accuracy (0.999, expected {right})" in found[str(file)]
    assert f"dvc.lock, evaluate@{MODEL}" in found and "reports/comparison.md" in found


def test_changed_means_are_found(here):
    file = here(RUN / "metrics.json")
    metrics = json.loads(file.read_text())
    metrics["test"]["accuracy"]["mean"] = 0.999
    file.write_text(json.dumps(metrics))
    assert "test.accuracy.mean (0.999, expected" in differing()[str(file)]


def test_changed_outputs_of_a_network_are_found(here):
    file = unsealed(here, RUN / "train/replicate-0/outputs.npz")
    with np.load(file) as held:
        outputs = {name: held[name][::-1] for name in held.files}
    np.savez_compressed(file, **outputs)
    found = differing()
    assert "networks' outputs" in found[str(RUN / "evaluate/predictions.npz")]


def test_changed_weights_are_found_by_their_digest(here):
    file = here(RUN / "train/replicate-1/kept.weights.h5")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert differing() == {
        f"{RUN}/train": f"{file.parent} does not agree with replicates.json and history.csv",
        f"dvc.lock, train@{MODEL}": f"{file} is not what the stage wrote",
    }


def test_without_their_own_digest_changed_weights_are_found_by_that_of_the_lock(here):
    file = unsealed(here, RUN / "train/replicate-1/kept.weights.h5")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert str(file) in differing()[f"dvc.lock, train@{MODEL}"]


def test_a_missing_weight_file_is_found(here):
    file = here(RUN / "train/replicate-1/kept.weights.h5")
    file.unlink()
    found = differing()
    assert f"{file} is not what the stage wrote" in found[f"dvc.lock, train@{MODEL}"]
    assert str(file.parent) in found[f"{RUN}/train"]


@pytest.mark.parametrize("file", ["history.csv", "replicate-0/history.csv"])
def test_a_changed_history_is_found(here, file):
    path = here(RUN / "train" / file)
    header, row, *rest = path.read_text().splitlines()
    path.write_text("\n".join([header, re.sub(r"0\.\d\d", "0.99", row, count=1), *rest]) + "\n")
    assert f"{RUN}/train" in differing()


def test_a_changed_image_is_found(here):
    file = unsealed(here, "data/prepared/pixels.npy")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert "pixels.npy is damaged" in differing()["data/prepared"]


def test_a_changed_split_is_found(here):
    file = unsealed(here, "data/prepared/splits.npy")
    splits = np.load(file)
    splits[1] = splits[1][::-1]
    np.save(file, splits)
    assert "the splits of replicates 2 " in differing()["data/prepared"]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (
            "update latest_metrics set value = 0.999 where key = 'test/accuracy' and run_uuid = "
            "(select run_uuid from runs where name = 'lecture_cnn replicate 2')",
            "replicate 2 test/accuracy (0.999, expected",
        ),
        (
            "update params set value = '7' where key = 'training.epochs' and run_uuid = "
            "(select run_uuid from runs where name = 'lecture_cnn')",
            "training.epochs (7, expected 1)",
        ),
        (
            "update metrics set value = 9.5 where key = 'val/loss' and run_uuid = "
            "(select run_uuid from runs where name = 'lecture_cnn replicate 1')",
            "replicate 1 val/loss, epoch 1 (9.5, expected",
        ),
        (
            "update tags set value = 'f00d' where key = 'convtrack.data_digest' and run_uuid = "
            "(select run_uuid from runs where name = 'lecture_cnn')",
            "convtrack.data_digest (f00d, expected",
        ),
        ("update runs set status = 'FAILED' where name = 'lecture_cnn'", "status FAILED"),
        (
            "delete from tags where key = 'convtrack.fingerprint' and run_uuid = "
            "(select run_uuid from runs where name = 'lecture_cnn')",
            "has no run of lecture_cnn with the fingerprint",
        ),
    ],
)
def test_a_changed_value_in_mlflow_is_found(change_store, statement, name):
    change_store(statement)
    check = logged()
    assert check.state == "differs" and name in check.found


def logged():
    from pipeline.tracking.store import Store
    from pipeline.verification.logged_runs import logged_runs, own_part

    store = Store.open()
    (check,) = logged_runs(store, own_part(store, "digits"), RunFolder.of(MODEL), read_manifest(PREPARED)["digest"])
    return check


def test_a_replicate_that_is_not_evaluated_is_named(here):
    file = unsealed(here, RUN / "evaluate/scores.json")
    scores = json.loads(file.read_text())
    del scores["replicates"][1]
    file.write_text(json.dumps(scores))
    assert f"replicate 2 (not evaluated: {file} has no scores of it)" in logged().found
    own = json.loads((RUN / "train/replicates.json").read_text())["replicates"][1]["fingerprint"]
    assert chain(own)["numbers"][0] == "ok"


def test_a_replicate_of_an_earlier_comparison_is_not_counted(change_store):
    change_store(
        f"update tags set value = '{run_id(MODEL)}' where key = 'mlflow.parentRunId' and run_uuid = "
        "(select run_uuid from runs where name = 'grey_levels replicate 1')"
    )
    check = logged()
    assert check.state == "ok" and "values of 3 runs are those of" in check.found


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a,b\n1,2\n", bytes(range(256))])
@pytest.mark.parametrize("name", ["confusion.csv", "learning_curve.csv", "train/history.csv"])
def test_a_damaged_table_is_named_and_the_rest_of_the_folder_is_checked(here, name, content):
    file = unsealed(here, RUN / name)
    file.write_bytes(content)
    found = [*trained_replicates(RunFolder.of(MODEL)), *scored_replicates(RunFolder.of(MODEL), read_prepared(PREPARED))]
    (line,) = [check.line for check in found if check.state == "differs"]
    assert file.name in line and "`dvc repro" in line
    assert len(found) == 4


def test_a_changed_artifact_in_mlflow_is_found(here):
    (file,) = Path("mlartifacts").rglob("report/comparison.html")
    here(file).write_text("another report")
    assert differing() == {"sqlite:///mlflow.db": "the logged report is not reports/comparison.html"}


def test_without_a_store_the_rest_is_checked(here, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///missing.db")
    unknown = [check for check in checks() if check.state != "ok"]
    assert [(check.subject, check.state) for check in unknown] == [("sqlite:///missing.db", "unknown")]


def test_a_damaged_store_is_a_difference(here, monkeypatch, tmp_path):
    (tmp_path / "runs.db").write_bytes(b"x" * 5000)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    ((subject, found),) = differing().items()
    assert subject.endswith("runs.db") and "cannot be opened" in found


def test_a_changed_digest_in_the_lock_is_found(here):
    lock = here("dvc.lock")
    digest = re.search(rf"path: {RUN}/metrics.json\n    +hash: md5\n +md5: (\w+)", lock.read_text())[1]
    replace(lock, digest, "f" * 32)
    assert f"{RUN}/metrics.json is not what the stage wrote" in differing()[f"dvc.lock, evaluate@{MODEL}"]


def test_a_damaged_lock_is_one_line_and_the_rest_is_checked(here):
    lock = here("dvc.lock")
    lock.write_bytes(lock.read_bytes()[:1000] + b"\n: {")
    assert "dvc.lock is damaged" in differing()["dvc.lock"]


def test_a_changed_setting_is_found_with_both_values(here):
    replace(here("conf/training/lecture.yaml"), "epochs: 1", "epochs: 2")
    assert "conf/training/lecture.yaml: epochs 1 → 2" in differing()["dvc.lock"]


def test_a_commit_that_is_not_here_cannot_be_checked(here):
    for file in (RUN / "train/replicates.json", *RUN.glob("train/replicate-*/record.json")):
        path = unsealed(here, file)
        path.write_text(re.sub(r'"commit": "\w+"', f'"commit": "{"0" * 40}"', path.read_text()))
    unknown = {check.subject: check.found for check in checks() if check.state == "unknown"}
    assert unknown == {f"{RUN}/train/replicates.json": "commit 000000000000 is not in this repository"}


def test_another_network_has_another_fingerprint(here):
    replace(unsealed(here, f"networks/{MODEL}/architecture.json"), '"filters": ', '"filters":  1')
    assert "2 of 2 fingerprints cannot be given by what is here" in differing()[f"{RUN}/train/replicates.json"]


def test_the_numbers_that_readme_quotes_are_checked(here):
    rows = [line for line in Path("reports/comparison.md").read_text().splitlines() if "±" in line][:3]
    readme = here("README.md")
    readme.write_text("\n".join(re.sub(r" +", " ", row) for row in rows))
    assert differing() == {}
    score = re.search(r"0\.\d{3} ±", readme.read_text())[0]
    replace(readme, score, "0.999 ±")
    ((subject, found),) = differing().items()
    assert subject == "README.md" and "0.999" in found and score in found


def test_a_missing_result_is_one_line(here):
    file = here(RUN / "evaluate/predictions.npz")
    file.unlink()
    assert "predictions.npz is missing. Run `dvc repro` to create it" in differing()[str(file)]


def test_the_command_ends_with_exit_code_1_and_a_count(here):
    from pipeline.cli.commands import verify

    replace(here(RUN / "confusion.csv"), "0", "9")
    with pytest.raises(UserError, match=r"^\d+ checks: \d+ ok, 2 differences\. These records do not belong together"):
        verify.main([])


def run_id(name):
    with closing(sqlite3.connect("mlflow.db")) as store:
        ((identity,),) = store.execute("select run_uuid from runs where name = ?", (name,))
    return str(identity)


def chain(word):
    from pipeline.tracking.store import Store
    from pipeline.verification.recorded_run import recorded_run
    from pipeline.verification.run_chain import run_checks

    return {check.subject: (check.state, check.found) for check in run_checks(recorded_run(Store.open(), word))}


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
