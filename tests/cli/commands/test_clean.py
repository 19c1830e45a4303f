"""`convtrack clean`: what it lists, deletes and refuses."""

import pytest

from pipeline.cli.commands import clean
from pipeline.errors import UserError


@pytest.fixture
def result(tmp_path, monkeypatch):
    """The folder of a finished training in the cache."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".convtrack" / "results" / "beef"
    folder.mkdir(parents=True)
    (folder / "kept.weights.h5").write_bytes(bytes(1000))
    return folder


def test_without_yes_the_folders_are_only_listed(result, capsys):
    clean.main(["results"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(".convtrack/results: ") and lines[-1] == "Nothing was deleted. Add `--yes` to delete."
    assert result.exists()


def test_with_yes_the_named_folder_is_emptied(result):
    clean.main(["checkpoints", "--yes"])
    assert result.exists()
    clean.main(["results", "--yes"])
    assert not result.exists()


@pytest.mark.parametrize("kind", ["pictures", "models"])
def test_decoded_pictures_and_downloaded_models_are_listed_and_deleted(result, capsys, kind):
    entry = result.parents[1] / kind / "cafe"
    entry.mkdir(parents=True)
    clean.main(["--yes"])
    assert f".convtrack/{kind}: " in capsys.readouterr().out
    assert not entry.exists()


def test_an_unknown_folder_is_rejected_with_those_available(result):
    with pytest.raises(UserError, match="Unknown folder of the cache 'result'"):
        clean.main(["result", "--yes"])
    assert result.exists()
