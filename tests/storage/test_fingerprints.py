import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.storage import imports
from pipeline.storage.fingerprints import code_digest, fingerprint

CODE = "from pipeline.storage.fingerprints import code_digest; print(code_digest(['pipeline.training.fit']))"


def test_a_fingerprint_is_the_sha_256_of_the_canonical_json():
    # printf '{"a": [1, 2.5, null], "b": {"c": true}}' | sha256sum
    expected = "bd408aca978dee3ebae72fc6418e6ced456a32043ca4ff21e4ccbacc116983fc"
    assert fingerprint({"b": {"c": True}, "a": (1, 2.5, None)}) == expected


@pytest.mark.parametrize("other", [{"a": 1.5}, {"a": "1"}, {"a": 1, "b": None}, {"A": 1}, {"a": [1]}, {"a": True}])
def test_different_parts_give_different_fingerprints(other):
    assert fingerprint({"a": 1}) != fingerprint(other)


def test_a_nan_has_no_fingerprint():
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint({"a": float("nan")})


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two modules, whose files can be rewritten."""
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "one.py").write_text("def double(x):\n    return 2 * x\n\n\nLIMIT = 3\n")
    (tmp_path / "pipeline" / "other.py").write_text("def half(x):\n    return x / 2\n")
    monkeypatch.setattr(imports, "ROOT", tmp_path)
    return tmp_path / "pipeline"


BOTH = ("pipeline.one", "pipeline.other")


def test_a_digest_of_code_does_not_depend_on_the_order_of_modules(project):
    assert code_digest(BOTH) == code_digest(reversed(BOTH))


def test_a_digest_of_code_changes_with_each_module(project):
    before = code_digest(BOTH)
    assert code_digest(BOTH[:1]) != before
    (project / "other.py").write_text("def half(x):\n    return x // 2\n")
    assert code_digest(BOTH) != before


def test_a_moved_module_has_the_same_digest(project):
    before = code_digest(BOTH)
    (project / "room").mkdir()
    shutil.move(project / "other.py", project / "room" / "renamed.py")
    assert code_digest(["pipeline.one", "pipeline.room.renamed"]) == before


def test_moving_a_function_between_the_modules_does_not_change_the_digest(project):
    before = code_digest(BOTH)
    (project / "other.py").write_text("def double(x):\n    return 2 * x\n\ndef half(x):\n    return x / 2\n")
    (project / "one.py").write_text("LIMIT = 3\n")
    assert code_digest(BOTH) == before


def test_a_missing_module_has_no_digest():
    with pytest.raises(ModuleNotFoundError, match=r"No module pipeline\.nowhere in this project"):
        code_digest(["pipeline.nowhere"])


def pythons():
    """Other interpreters of the supported versions on this machine."""
    return [path for version in ("3.11", "3.12", "3.13") if (path := shutil.which(f"python{version}"))]


def test_every_installed_python_version_computes_the_same_digest():
    """There may be no other version; the digests of all sources were compared by hand on 3.11, 3.12 and 3.13."""
    root = str(Path(imports.__file__).parents[2])
    found = {
        subprocess.run([python, "-c", CODE], capture_output=True, text=True, check=True, cwd=root).stdout
        for python in [sys.executable, *pythons()]
        if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    }
    assert len(found) == 1
