"""Mutated files: a reason for each, no crash, no hang, nothing printed, nothing half-written."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from development.mutated_files import mutated, picture_subjects
from pipeline.config.schema import AuditConfig, DataConfig, SplitConfig
from pipeline.data.prepare import prepare
from pipeline.data.prepared import read_prepared
from pipeline.errors import UserError
from tests.conftest import ROOT

COUNT = int(os.environ.get("CONVTRACK_MUTATIONS", "1000"))


def test_mutated_files_give_pixels_or_a_reason_quickly_and_in_little_memory():
    command = [sys.executable, "-W", "error", "-X", "faulthandler", "-m", "development.mutated_files", str(COUNT)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120 + COUNT / 20, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), f"after mutation {done.stdout[-7:].strip()}"
    assert len(done.stdout.split()) == COUNT


def test_preparing_a_folder_of_mutated_pictures_writes_all_or_nothing(tmp_path):
    for label in ("cats", "dogs"):
        (tmp_path / "p" / label).mkdir(parents=True)
        for number in range(20):
            Image.new("L", (4, 4), number).save(tmp_path / "p" / label / f"{number}.png")
    for number, subject in enumerate(picture_subjects(tmp_path)):
        for copy in range(3):
            content = mutated(subject.content, 1000 * copy + number)
            (tmp_path / "p" / "cats" / f"mutated-{number}-{copy}.png").write_bytes(content)

    def prepared(**options):
        data = DataConfig("own", "folder", {"path": str(tmp_path / "p"), "size": 4, "value_range": [0, 255], **options})
        split = SplitConfig("random", "random", 0.25, 0.15, None, None, 0)
        audit = AuditConfig(margin=0.1, checks={})
        prepare(
            tmp_path / "out", data, split, replicates=1, test_set=tmp_path / "t.json", settings=audit,
            report=lambda _: None,
        )  # fmt: skip

    with pytest.raises(UserError, match="cannot be read"):
        prepared()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["p"]
    prepared(unreadable="skip")
    whole = read_prepared(tmp_path / "out")
    assert 40 <= len(whole.pixels) == len(whole.labels) == len(np.unique(whole.names)) < 40 + 3 * 33
    assert len(whole.pixels[:]) == len(whole.labels)
