"""A picture that no part of the pipeline has seen: by file, by Python, by HTTP and by the page."""

import asyncio
import base64
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import requests
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tests.chromium import CHROMIUM, found_by_chromium
from tests.deployment.serving.conftest import running
from tests.system.cache import test_champion, test_serving

chosen, server = test_champion.chosen, test_serving.server
SCRIPT = """
import json, sys
import mlflow

model = mlflow.pyfunc.load_model("models:/digits@champion")
path, encoded = model.predict([sys.argv[1]]), model.predict([open(sys.argv[1], "rb").read()])
print(json.dumps([one.to_dict("records")[0] for one in (path, encoded)]))
"""
"""A program that knows only MLflow's public interface."""
CHOOSING = """<script>
addEventListener("load", async () => {
  const content = Uint8Array.from(atob("%s"), (one) => one.charCodeAt(0));
  const all = new DataTransfer();
  all.items.add(new File([content], "new.png"));
  at("file").files = all.files;
  at("file").dispatchEvent(new Event("change"));
  while (at("error").hidden && !/hiding/i.test(at("explanation").textContent))
    await new Promise((go) => setTimeout(go, 20));
  const bars = [...at("bars").rows].map((line) => [line.cells[0].textContent, line.cells[2].textContent]);
  const found = [at("error").textContent, at("class").textContent, at("confidence").textContent, bars];
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A colour picture of random rectangles, in a size that no data set of the project has."""
    random = np.random.default_rng(20261128)
    pixels = np.zeros((37, 23, 3), np.uint8)
    for _ in range(12):
        top, left = random.integers(0, 30), random.integers(0, 18)
        pixels[top : top + random.integers(3, 15), left : left + random.integers(2, 9)] = random.integers(0, 256, 3)
    file = tmp_path_factory.mktemp("new") / "new.png"
    Image.fromarray(pixels).save(file)
    return file


def by_python(project, picture):
    """The predictions for the path and for the bytes of a picture."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{project.folder / 'mlflow.db'}"
    command = [sys.executable, "-c", SCRIPT, str(picture)]
    done = subprocess.run(command, cwd=picture.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def by_page(server, picture, profile):
    """What the page shows in a browser that chooses the picture."""
    choosing = CHOOSING % base64.b64encode(picture.read_bytes()).decode()

    async def page(_):
        own = await asyncio.to_thread(requests.get, server, timeout=60)
        return HTMLResponse(own.text.replace("</body>", f"{choosing}</body>"))

    async def forward(request):
        sent = await request.body()
        reply = await asyncio.to_thread(requests.post, f"{server}{request.url.path}", data=sent, timeout=60)
        return Response(reply.content, reply.status_code)

    with running(Starlette(routes=[Route("/", page), Route("/{address}", forward, methods=["POST"])])) as address:
        found, _ = found_by_chromium(f"{address}/", profile)
    return found


def by_file(project, picture):
    output = project.run("python", "-m", "pipeline", "predict", str(picture), "--format", "jsonl")
    return json.loads(output.splitlines()[0])


def percent(share):
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def test_file_python_and_http_give_a_new_picture_the_same_prediction(chosen, server, picture):
    predicted = by_file(chosen, picture)
    (by_http,) = test_serving.invoke(server, [picture.read_bytes()]).json()["predictions"]
    for other in (by_http, *by_python(chosen, picture)):
        assert other["class"] == predicted["class"]
        assert other["confidence"] == pytest.approx(predicted["confidence"], abs=1e-6)
        assert other["flags"] == "; ".join(predicted["flags"])
        assert {name: other[f"probability_{name}"] for name in predicted["probabilities"]} == pytest.approx(
            predicted["probabilities"], abs=1e-6
        )


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (Debian: apt install chromium)")
def test_the_page_shows_the_prediction_of_the_file(chosen, server, picture, tmp_path):
    predicted = by_file(chosen, picture)
    error, name, confidence, bars = by_page(server, picture, tmp_path / "profile")
    assert (error, name) == ("", predicted["class"])
    assert confidence == f"Confidence {percent(predicted['confidence'])} (calibrated)."
    assert dict(bars) == {one: percent(share) for one, share in predicted["probabilities"].items()}
