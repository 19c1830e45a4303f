"""The stage that writes the source code of an architecture."""

import pytest

from pipeline.config.schema import ModelConfig
from pipeline.errors import UserError
from pipeline.stages import source


def test_a_syntax_error_is_reported_with_file_and_line(tmp_path, monkeypatch):
    file = tmp_path / "pipeline" / "architectures" / "broken.py"
    file.parent.mkdir(parents=True)
    file.write_text("\ndef build(input_shape, classes:\n")
    monkeypatch.setattr(source, "PACKAGE", tmp_path / "pipeline")
    monkeypatch.setattr(source, "architecture_names", lambda: ["broken"])
    with pytest.raises(UserError) as error:
        source.main(ModelConfig(name="broken", architecture="broken"))
    assert str(error.value) == (
        "pipeline/architectures/broken.py, line 2: invalid Python ('(' was never closed). Correct the code and run "
        "the same command again."
    )
