"""`convtrack verify` names the record that was changed: each test changes one of them in a reproduced project.

The reproduced project is copied once, and a test puts back what it has changed. Two thirds of a whole check is writing
the report again, so only the tests of the report do that.
"""

import json
import re
from contextlib import nullcontext
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
from tests.system.cache.recorded_runs import MODEL, RUN, chain, run_id


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


def test_a_missing_report_is_one_line(here):
    here("reports/comparison.md").unlink()
    lines = [check.line for check in checks(report=True) if "reports/comparison.md is missing" in check.line]
    assert len(lines) == 1


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
