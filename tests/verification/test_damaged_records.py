"""Damaged records end in a line that names them, and the other checks still run."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.storage.digests import forget, write_digests
from pipeline.storage.files import write_json
from pipeline.storage.folders import ResultFolder
from pipeline.tracking.names import DATA_DIGEST, ENVIRONMENT, FINGERPRINT, KIND, MODEL, REPLICATE
from pipeline.verification.checked_link import Check, checked
from pipeline.verification.comparison_checks import _locked_studies
from pipeline.verification.locked_files import changed_settings, remembered_digests
from pipeline.verification.recorded_run import RecordedRun, recorded_run
from pipeline.verification.run_chain import _environment, _files


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    forget()


@pytest.mark.parametrize("problem", [KeyError(1), ValueError("no number"), TypeError("a list")])
def test_what_a_record_of_unexpected_contents_raises_is_a_line_of_its_own(problem):
    def check():
        yield Check("first", "ok", "as recorded")
        raise problem

    first, second = checked("runs/lenet5/evaluate/scores.json", check)
    assert (first.state, second.state, second.subject) == ("ok", "differs", "runs/lenet5/evaluate/scores.json")
    assert "Traceback" not in second.line and second.remedy


def test_a_lock_without_stages_is_named_and_the_other_studies_are_checked(here):
    for study, text in {"a": "stages: {}", "b": "{", "c": "stages:\n  c:\n    cmd: c\n"}.items():
        (here / "reports" / study).mkdir(parents=True)
        (here / "reports" / study / "dvc.lock").write_text(text)
    found = {check.subject: check for check in _locked_studies(remembered_digests())}
    assert found["reports/a/dvc.lock"].line.startswith("differs  reports/a/dvc.lock: it records no stage. Restore it")
    assert "reports/b/dvc.lock is damaged" in found["reports/b/dvc.lock"].found
    assert found["studies"].state == "ok"


@pytest.mark.parametrize("content", [b"epochs: [1\nb: {", b"epochs: \xff", b"epochs: 1\nepochs: 2"])
def test_broken_settings_are_named_with_their_file(here, content):
    (here / "conf").mkdir()
    (here / "conf/short.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"^conf/short\.yaml is not valid YAML: .*Correct it, or restore it with Git\."):
        list(changed_settings({"conf/short.yaml": {"epochs": 1}}))


def run(**tags):
    info = SimpleNamespace(run_id="f" * 32, run_name="lenet5", lifecycle_stage="active", experiment_id="1")
    return SimpleNamespace(info=info, data=SimpleNamespace(tags=tags, params={}, metrics={}))


def trained(**tags):
    """A trial with one replicate, whose fingerprint is `own`."""
    one = run(**{MODEL: "lenet5", FINGERPRINT: "own", REPLICATE: "0", KIND: "model"} | tags)
    return RecordedRun(SimpleNamespace(), one, {0: one}, whole=True)


@pytest.mark.parametrize("text", ["{", "[]", "3", json.dumps({"versions": {}, "device": "cpu"})])
def test_a_damaged_environment_is_one_line(text):
    (check,) = checked("environment", lambda: [_environment(trained(**{ENVIRONMENT: text}))])
    assert check.state == "differs" and f"The tag {ENVIRONMENT} of run ffffffff" in check.found


@pytest.mark.parametrize("tag", [MODEL, FINGERPRINT, REPLICATE])
def test_a_run_without_a_tag_is_one_sentence(tag):
    kept = {MODEL: "lenet5", FINGERPRINT: "own", REPLICATE: "0", KIND: "model", DATA_DIGEST: "d"}
    one = run(**{name: value for name, value in kept.items() if name != tag})
    store = SimpleNamespace(run=lambda identity: one, children=lambda parent: [one])
    with pytest.raises(UserError, match=rf"Run f+ has no tag {tag}"):
        recorded_run(store, "f" * 32)


@pytest.fixture
def result():
    """The finished training in the cache whose fingerprint is `own`."""
    held = ResultFolder.stored("own")
    held.folder.mkdir(parents=True)
    for file in (held.weights, held.history):
        file.write_bytes(b"epoch,loss\n1,0.5\n")
    sizes = {file.name: file.stat().st_size for file in (held.weights, held.history)}
    write_json(held.record, {"fingerprint": "own", "sizes": sizes})
    write_digests(held.folder)
    return held


def test_an_unchanged_training_in_the_cache_is_complete(result):
    (check,) = _files(trained())
    assert (check.state, check.found) == ("ok", f"complete in {result.folder}")


def flip(file):
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])


@pytest.mark.parametrize("name", ["weights", "history", "record"])
@pytest.mark.parametrize("damage", [flip, Path.unlink], ids=["flipped", "lost"])
def test_a_damaged_training_in_the_cache_differs(result, name, damage):
    damage(getattr(result, name))
    (check,) = _files(trained())
    assert check.state == "differs" and str(getattr(result, name)) in check.found
    assert check.remedy == f"Delete {result.folder} and train with this configuration again."


def test_a_training_that_this_machine_lacks_is_unknown():
    (check,) = _files(trained())
    assert (check.state, check.found) == ("unknown", "the weights of replicate 1 are not here")
