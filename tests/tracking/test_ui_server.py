"""The application that `make ui` serves, with a comparison that cannot be read."""

import shutil

import pytest


# MLflow imports a module that Starlette has deprecated.
@pytest.mark.filterwarnings("ignore:starlette.middleware.wsgi is deprecated")
@pytest.mark.parametrize("text", ["data: [", "datas: elpv\n", None])
def test_the_root_address_opens_with_an_invalid_comparison(text, tmp_path, monkeypatch, empty_store):
    from pipeline.tracking import ui_server  # Importing it changes MLflow's application.

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    if text is not None:
        (tmp_path / "conf/comparison.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "index.html").write_text("<html><head></head></html>", encoding="utf-8")
    monkeypatch.setattr(ui_server.web, "static_folder", str(tmp_path))
    assert 'const start = "";' in ui_server.web.view_functions["serve"]()
