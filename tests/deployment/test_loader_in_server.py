"""The Python function of MLflow, outside of its server and in it."""

import base64
import json

import numpy as np
import pandas as pd
import pytest

from pipeline.deployment.loader import SERVING, PictureFunction
from pipeline.deployment.picture_model import PictureModel
from tests.deployment.serving.conftest import Network, picture, settings


@pytest.fixture
def function():
    return PictureFunction(PictureModel(settings(), Network()))


def text(content):
    return base64.b64encode(content).decode()


def test_outside_of_a_server_a_text_is_a_path(function, tmp_path):
    (tmp_path / "bright.png").write_bytes(picture())
    levels = np.full((30, 20), 255, np.uint8)
    sent = pd.DataFrame({"picture": [str(tmp_path / "bright.png"), picture(left=0), levels, levels.tolist()]})
    assert function.predict(sent)["class"].tolist() == ["bright", "dark", "bright", "bright"]


def test_in_a_server_a_text_is_never_a_path(function, tmp_path, monkeypatch):
    monkeypatch.setenv(SERVING, "true")
    monkeypatch.chdir(tmp_path)
    for name in ("abcd", "picture.png"):
        (tmp_path / name).write_bytes(picture())
        for sent in (name, name.encode()):
            answer = function.predict([sent]).iloc[0]
            assert answer["class"] is None and answer["problem"]


def test_in_a_server_pictures_are_base64_data_urls_or_bytes(function, monkeypatch):
    monkeypatch.setenv(SERVING, "true")
    own = text(picture())
    sent = [own, f"data:image/png;base64,{own}", picture(), own.encode(), [[255] * 9]]
    assert function.predict(sent)["class"].tolist() == ["bright"] * 5


def test_in_a_server_the_rest_is_answered_beside_what_is_no_picture(function, monkeypatch):
    monkeypatch.setenv(SERVING, "true")
    answers = function.predict(["?", text(picture()), None, text(b"text"), text(picture(left=0))])
    assert answers["class"].tolist() == [None, "bright", None, None, "dark"]
    assert [bool(problem) for problem in answers["problem"]] == [True, False, True, True, False]


def test_in_a_server_answers_have_no_nan_which_json_does_not_know(function, monkeypatch):
    monkeypatch.setenv(SERVING, "true")
    json.dumps(function.predict(["?", text(picture())]).to_dict("records"), allow_nan=False)
