import json
import re

import pytest

from pipeline.errors import UserError
from pipeline.storage.folders import InterpretationFolder
from pipeline.storage.interpretation_record import interpreted_digest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = InterpretationFolder.of("cnn")
    made.folder.mkdir(parents=True)
    made.shifts.write_text('{"replicates": []}')
    (made.folder / "1-kernels.png").write_bytes(b"picture")
    made.record.write_text(json.dumps({"digest": "f00d", "sizes": made.sizes()}))
    return made


def test_a_complete_interpretation_is_reported(folder):
    assert interpreted_digest(folder) == "f00d"


def test_a_model_without_a_folder_is_not_interpreted(folder):
    assert interpreted_digest(InterpretationFolder.of("mlp")) is None


DAMAGES = {
    "truncated picture": lambda folder: (folder.folder / "1-kernels.png").write_bytes(b"pic"),
    "missing picture": lambda folder: (folder.folder / "1-kernels.png").unlink(),
    "additional picture": lambda folder: (folder.folder / "2-mine.png").write_bytes(b"mine"),
    "empty measurements": lambda folder: folder.shifts.write_text(""),
    "other measurements": lambda folder: folder.shifts.write_text('{"replicates": 3}'),
    "missing measurements": lambda folder: folder.shifts.unlink(),
    "damaged record": lambda folder: folder.record.write_text("{"),
    "record of an earlier version": lambda folder: folder.record.write_text(json.dumps({"digest": "f00d"})),
    "missing record": lambda folder: folder.record.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_interpretation_is_measured_again_and_not_reported(folder, damage):
    DAMAGES[damage](folder)
    assert folder.complete_digest() is None
    rule = "interpretation/cnn/ is incomplete, changed or from another version. Run `dvc repro` to measure it again."
    with pytest.raises(UserError, match=f"^{re.escape(rule)}$"):
        interpreted_digest(folder)
