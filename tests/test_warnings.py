import os
import subprocess
import sys

import pytest


def stderr_of(code, tmp_path):
    """Standard error of a Python process whose home is a file, so that no user, not even root, can create a folder."""
    home = tmp_path / "home"
    home.touch()
    hidden = {"MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden} | {"HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stderr


@pytest.mark.parametrize(
    "module", ["reporting.figures.style", "reporting.figures.learning_curves", "studies.study_report"]
)
def test_figures_cause_no_warning_about_an_unwritable_home_folder(module, tmp_path):
    assert stderr_of(f"import pipeline.{module}", tmp_path) == ""


def test_matplotlib_without_the_setting_warns_about_an_unwritable_home_folder(tmp_path):
    """The test above would fail without the setting."""
    assert "temporary cache directory" in stderr_of("import matplotlib", tmp_path)
