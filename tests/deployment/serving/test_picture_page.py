"""The page in headless Chromium, served as `convtrack serve` serves it."""

import base64
import html
import json
import re

import numpy as np
import pytest
from starlette.applications import Starlette

from pipeline.deployment.serving.error_replies import OneSentenceErrors
from pipeline.deployment.serving.picture_routes import picture_routes
from pipeline.deployment.serving.request_limits import RequestLimits
from pipeline.reporting.picture_page import ServedModel, picture_page
from tests.chromium import CHROMIUM, found_by_chromium
from tests.deployment.serving.conftest import SIDE, encoded, picture, running

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (Debian: apt install chromium)")

SERVED = ServedModel("digits & <b>", "lenet5 (replicate 3)", "version 2 (champion)", "Accuracy 0.950.", [0.01, 0.1])
USING = """
<script>
const files = %s.map(([name, text]) => new File([Uint8Array.from(atob(text), (one) => one.charCodeAt(0))], name));
const chosen = (file) => { const all = new DataTransfer(); all.items.add(file); return all; };
const text = (id) => at(id).hidden ? "" : at(id).textContent;
const until = async (ready) => { while (!ready()) await new Promise((go) => setTimeout(go, 20)); };
const state = () => {
  const map = at("map").getContext("2d").getImageData(0, 0, at("map").width, at("map").height).data;
  return {
    shown: !at("result").hidden, class: text("class"), confidence: text("confidence"), flags: text("flags"),
    error: text("error"), explanation: text("explanation"), file: text("file-name"),
    bars: [...at("bars").rows].map((line) =>
      [line.cells[0].textContent, line.querySelector("span").style.width, line.cells[2].textContent]),
    seen: at("seen").naturalWidth, map: [...map].filter((_, place) => place %% 4 === 3),
  };
};
addEventListener("load", async () => {
  const states = [];
  const done = async () => {
    await until(() => !at("error").hidden || /hiding/i.test(at("explanation").textContent));
    states.push(state());
  };
  at("file").files = chosen(files[0]).files;
  at("file").dispatchEvent(new Event("change"));
  await done();
  at("rate").value = "0.01";
  at("rate").dispatchEvent(new Event("change"));
  await done();
  dispatchEvent(new DragEvent("drop", { dataTransfer: chosen(files[1]) }));
  await done();
  const controls = [...document.querySelectorAll("input, select")];
  const usable = controls.every((one) => (one.focus(), document.activeElement === one && one.labels.length === 1));
  dispatchEvent(new ClipboardEvent("paste", { clipboardData: chosen(files[2]) }));
  await done();
  const names = performance.getEntriesByType("resource").map((one) => one.name);
  const loaded = names.map((name) => name.replace(location.origin, "").split("?")[0]);
  const found = { states, usable, loaded, title: document.querySelector("h1").textContent };
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"""
MEASURING = """<!DOCTYPE html><title>widths</title><pre id="found"></pre>%s
<script>
addEventListener("load", () => {
  const widths = [...document.querySelectorAll("iframe")].map((frame) => {
    const page = frame.contentWindow, root = frame.contentDocument.documentElement;
    page.showAnswer(page.example, "a_file_with_a_very_long_name_that_has_no_space_at_all.png");
    const width = root.clientWidth, right = (one) => one.getBoundingClientRect().right;
    const beyond = [...root.querySelectorAll("main *")].filter((one) => right(one) > width + 1);
    return { shown: width, needed: root.scrollWidth, beyond: beyond.map((one) => one.outerHTML.slice(0, 80)) };
  });
  document.querySelectorAll("iframe").forEach((frame) => frame.remove());
  document.getElementById("found").textContent = JSON.stringify(widths);
});
</script>"""


@pytest.fixture
def used(model, tmp_path):
    """What the page shows for a picture, with abstaining, for another one that is dropped, and for a pasted text."""
    red = np.zeros((40, 50, 3), np.uint8)
    red[:, :25, 0] = 255
    files = [("a.png", picture(left=204, right=204)), ("<i>.png", encoded(red)), ("text.png", b"no picture")]
    sent = json.dumps([[name, base64.b64encode(content).decode()] for name, content in files])
    page = picture_page(SERVED).replace("</body>", f"{USING % sent}</body>")
    with running(OneSentenceErrors(RequestLimits(Starlette(routes=picture_routes(model, page))))) as address:
        return found_by_chromium(f"{address}/", tmp_path / "profile")


def test_the_page_shows_classes_confidence_and_explanation_of_a_picture(used):
    found, console = used
    first, unsure, dropped, pasted = found["states"]
    assert found["title"] == "Classify a picture: digits & <b>"
    assert (first["class"], first["confidence"]) == ("bright", "Confidence 80.0 % (calibrated).")
    assert first["bars"] == [["bright", "80%", "80.0 %"], ["dark", "20%", "20.0 %"]]
    assert first["seen"] == SIDE
    assert "Orange: hiding the part lowers the probability of “bright”" in first["explanation"]
    strength = np.array(first["map"]).reshape(SIDE, SIDE)
    assert (strength[:, :4] > 0).all() and (strength[:, -3:] == 0).all()
    assert unsure["confidence"].startswith("The network abstains: its confidence of 80.0 % is below the threshold")
    assert "a colour picture" in dropped["flags"] and dropped["file"] == " of <i>.png"
    assert pasted["error"] == "The picture cannot be read: damaged, or not in a supported picture format."
    assert not pasted["shown"]
    assert [line for line in console if not re.search("status of 400|Canvas2D", line)] == []


def test_the_page_is_usable_by_keyboard_and_loads_only_from_its_server(used):
    found, _ = used
    assert found["usable"]
    assert {one for one in found["loaded"] if not one.startswith("data:")} == {"/classify", "/explain"}


def test_the_page_fits_a_phone_and_a_wide_screen(tmp_path):
    answer = {
        "class": "a class with a very long name that needs several lines on a phone",
        "confidence": 0.99999,
        "abstains": False,
        "flags": ["only the first of its frames or pages is used", "brighter"],
        "probabilities": [{"class": "A_class_name_without_any_space_in_it", "probability": 1 / 30}] * 30,
        "picture": "data:image/png;base64," + base64.b64encode(picture()).decode(),
    }
    page = picture_page(SERVED).replace("</body>", f"<script>example = {json.dumps(answer)};</script></body>")
    # 15 pixels are the scroll bar.
    frame = '<iframe style="width:{}px;height:900px;border:0" srcdoc="{}"></iframe>'
    frames = "".join(frame.format(width, html.escape(page)) for width in (335, 375, 1615))
    (tmp_path / "frames.html").write_text(MEASURING % frames, encoding="utf-8")
    measured, console = found_by_chromium((tmp_path / "frames.html").as_uri(), tmp_path / "profile")
    assert [one["shown"] for one in measured] == [320, 360, 1600]
    assert all(one["needed"] <= one["shown"] and one["beyond"] == [] for one in measured), measured
    assert console == []
