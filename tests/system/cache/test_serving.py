"""The champion over HTTP: by `convtrack serve`, and by MLflow alone."""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from pipeline.data.prepared import read_prepared
from tests.deployment.serving.conftest import refusal
from tests.system.cache import test_champion

chosen = test_champion.chosen
STARTING = 120  # seconds


@contextmanager
def serving(project, *command):
    """Run a server in a project on a free port of 127.0.0.1; `command` ends with the option for the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{project.folder / 'mlflow.db'}"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with (project.folder / f"server-{port}.log").open("w") as log:
        server = subprocess.Popen([*command, str(port)], cwd=project.folder, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(60)


def _wait_for(address, server):
    until = time.monotonic() + STARTING
    while time.monotonic() < until and server.poll() is None:
        try:
            if requests.get(f"{address}/ping", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.3)
    raise AssertionError(f"no server at {address}")


@pytest.fixture(scope="module")
def server(chosen):
    with serving(chosen, sys.executable, "-m", "pipeline", "serve", "--port") as address:
        yield address


@pytest.fixture(scope="module")
def evaluated(chosen):
    """Test images as PNG files, and the probabilities of the evaluation, (n, classes)."""
    predictions = test_champion._evaluated(chosen)
    pixels = np.asarray(read_prepared(chosen.folder / "data/prepared").pixels[predictions.images[:20]])
    files = []
    for image in pixels:
        file = io.BytesIO()
        Image.fromarray(image[..., 0]).save(file, "PNG")
        files.append(file.getvalue())
    return files, replace(predictions, probabilities=predictions.probabilities[:20])


def invoke(server, pictures, field="instances", **others):
    sent = {field: [base64.b64encode(one).decode() for one in pictures], **others}
    return requests.post(f"{server}/invocations", json=sent, timeout=60)


def assert_as_evaluated(answers, predictions):
    classes = predictions.classes
    assert [one["class"] for one in answers] == classes[predictions.probabilities.argmax(axis=1)].tolist()
    own = np.array([[one[f"probability_{name}"] for name in classes] for one in answers])
    np.testing.assert_allclose(own, predictions.probabilities, atol=1e-5)


def test_http_gives_the_answers_of_the_evaluation(server, evaluated):
    files, predictions = evaluated
    assert_as_evaluated(invoke(server, files).json()["predictions"], predictions)
    hundred = invoke(server, files * 5, "inputs").json()["predictions"]
    assert len(hundred) == 100
    assert_as_evaluated(hundred[-20:], predictions)


def test_the_address_of_the_page_and_the_command_line_give_the_answers_of_invocations(
    server, chosen, evaluated, tmp_path
):
    files, _ = evaluated
    (tmp_path / "picture.png").write_bytes(files[0])
    (by_http,) = invoke(server, files[:1]).json()["predictions"]
    by_page = requests.post(f"{server}/classify", data=files[0], timeout=60).json()
    output = chosen.run("python", "-m", "pipeline", "predict", str(tmp_path / "picture.png"), "--format", "jsonl")
    by_file = json.loads(output.splitlines()[0])
    assert by_http["class"] == by_page["class"] == by_file["class"]
    assert by_http["confidence"] == pytest.approx(by_page["confidence"], abs=1e-6)
    assert by_http["confidence"] == pytest.approx(by_file["confidence"], abs=1e-5)


def test_the_page_shows_model_version_and_score(server):
    page = requests.get(server, timeout=60).text
    assert test_champion.MODELS[0] in page and "(champion)" in page and "version " in page and " test images" in page


def test_the_explanation_has_the_size_of_the_image(server, evaluated):
    content = requests.post(f"{server}/explain", data=evaluated[0][0], timeout=60).json()
    assert np.array(content["drop"]).shape == Image.open(io.BytesIO(evaluated[0][0])).size[::-1]


def test_a_broken_picture_among_others_is_named_and_alone_it_is_refused(server, evaluated):
    reply = invoke(server, [evaluated[0][0], b"no picture"])
    assert [bool(one["problem"]) for one in reply.json()["predictions"]] == [False, True]
    assert "NaN" not in reply.text
    assert "No picture can be read" in refusal(invoke(server, [b"no picture"]), 400)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"instances": ["/etc/passwd"]}', "application/json", 400),
        (b'{"dataframe_records": [{"picture": "/etc/passwd"}]}', "application/json", 400),
        (b'{"instances": [[[[1, 2]]]]}', "application/json", 400),
        (b"picture\n/etc/passwd\n", "text/csv", 400),
        (bytes(1000), "text/csv", 400),
        (bytes(1000), "application/vnd.apache.parquet", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (bytes(50_000_000), "application/json", 413),
    ],
)
def test_unusable_requests_are_refused_and_the_server_lives(server, body, content_type, status):
    refusal(
        requests.post(f"{server}/invocations", data=body, headers={"Content-Type": content_type}, timeout=60), status
    )
    assert requests.get(f"{server}/health", timeout=60).ok


def test_a_small_file_with_very_many_pixels_is_refused_before_it_is_decoded(server):
    file = io.BytesIO()
    Image.new("L", (8000, 8000)).save(file, "PNG")
    assert "exceed the limit of 50,000,000" in refusal(
        requests.post(f"{server}/classify", data=file.getvalue(), timeout=60), 400
    )


def test_a_table_with_too_many_pictures_is_refused(server):
    table = b"picture\n" + b"AA==\n" * 1001
    reply = requests.post(f"{server}/invocations", data=table, headers={"Content-Type": "text/csv"}, timeout=60)
    assert "1,001 pictures" in refusal(reply, 413)


def test_no_page_loads_scripts_from_other_servers(server):
    for address in ("docs", "redoc", "openapi.json"):
        refusal(requests.get(f"{server}/{address}", timeout=60), 404)


def test_a_wrong_error_rate_is_refused(server, evaluated):
    for rate in (2, "many"):
        assert "error" in refusal(invoke(server, evaluated[0][:1], params={"error_rate": rate}), 400)


def test_requests_at_the_same_time_get_their_own_answers(server, evaluated):
    files, predictions = evaluated
    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(lambda one: invoke(server, [one]).json()["predictions"][0], files * 3))
    for start in range(0, 60, 20):
        assert_as_evaluated(replies[start : start + 20], predictions)


def test_mlflow_alone_serves_the_champion_with_the_same_answers(chosen, evaluated, tmp_path):
    files, predictions = evaluated
    (tmp_path / "picture.png").write_bytes(files[0])
    command = ("mlflow", "models", "serve", "-m", "models:/digits@champion", "--env-manager", "local", "-p")
    with serving(chosen, *command) as address:
        assert_as_evaluated(invoke(address, files).json()["predictions"], predictions)
        assert_as_evaluated(invoke(address, files, "inputs").json()["predictions"], predictions)
        records = [{"picture": base64.b64encode(one).decode()} for one in files]
        reply = requests.post(f"{address}/invocations", json={"dataframe_records": records}, timeout=60)
        assert_as_evaluated(reply.json()["predictions"], predictions)
        path = requests.post(
            f"{address}/invocations", json={"instances": [str(tmp_path / "picture.png")]}, timeout=60
        ).json()["predictions"][0]
        assert path["class"] is None and path["problem"]
