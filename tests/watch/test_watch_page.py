"""The page in headless Chromium: a replay, a training that runs, and the state before any training."""

import os
import shutil
from pathlib import Path

import pytest

from pipeline.watch.watched_trainings import watched_models
from tests.chromium import CHROMIUM, found_by_chromium
from tests.watch.conftest import write_checkpoint, write_result, write_run

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (Debian: apt install chromium)")

START = """
<script>
const text = (id) => at(id).hidden ? "" : at(id).textContent;
const until = async (ready) => { while (!ready()) await new Promise((go) => setTimeout(go, 20)); };
const shown = () => ({
  models: [...document.querySelectorAll("#models button")].map((one) => one.textContent), title: text("title"),
  state: text("state"), epoch: text("epoch"), values: text("values"), empty: !at("empty").hidden, error: text("error"),
  pictures: ["kernels", "maps"].map((id) => at(id).getAttribute("src")),
  sizes: ["kernels", "maps"].map((id) => at(id).naturalWidth),
  lines: at("loss").querySelectorAll("path").length, cursor: at("loss").querySelectorAll(".cursor").length,
  predicted: [...document.querySelectorAll(".example p")].map((one) => one.textContent),
  bars: [...document.querySelectorAll(".example:first-child .bar")].map((one) => one.style.width),
});
const loaded = () => until(() => ["kernels", "maps"].every((id) => at(id).naturalWidth));
const end = (found) => {
  const result = document.createElement("pre");
  result.id = "found";
  result.textContent = JSON.stringify(found);
  document.body.append(result);
};
addEventListener("load", async () => { %s });
</script>"""
REPLAY = """
  await until(() => text("epoch"));
  await loaded();
  const last = shown();
  at("play").click();
  const first = shown(), playing = text("play");
  await until(() => text("play") === "Play");
  const played = shown();
  at("slider").value = 1;
  at("slider").dispatchEvent(new Event("input"));
  const moved = shown();
  document.querySelectorAll("#models button")[1].click();
  await until(() => text("title").startsWith("mlp"));
  const other = shown();
  const controls = [...document.querySelectorAll("#main button, #main input, nav button")];
  const usable = controls.every((one) => (one.focus(), document.activeElement === one));
  const elements = document.querySelectorAll("main b, nav b, main i, nav i").length;
  const names = performance.getEntriesByType("resource").map((one) => new URL(one.name).origin);
  const local = names.every((one) => one === location.origin);
  end({ last, first, playing, played, moved, other, usable, elements, local });
"""
LIVE = """
  const states = [];
  for (const epoch of ["before training", "after epoch 1 of 4", "after epoch 3 of 4", "after epoch 3 of 3"]) {
    await until(() => text("epoch") === epoch);
    states.push(shown());
    await fetch("/next");
  }
  end(states);
"""
EMPTY = """
  await until(() => !at("empty").hidden);
  const before = shown();
  await fetch("/next");
  await until(() => text("title"));
  end({ before, after: shown() });
"""


@pytest.fixture
def opened(project, serving, tmp_path):
    """Open the page with a script. Each time it requests /next, the next step of a training is made."""

    def found(script, *steps):
        left = list(steps)

        with serving(watched_models) as server:
            server.page = server.page.replace(b"</body>", (START % script).encode() + b"</body>")
            handler = server.RequestHandlerClass
            original = handler.do_GET

            class Stepping(handler):
                def do_GET(self):
                    if self.path == "/next":
                        if left:
                            left.pop(0)()
                        self._send_json({})
                    else:
                        original(self)

            server.RequestHandlerClass = Stepping
            return found_by_chromium(f"{server.address}/", tmp_path / "profile")

    return found


def test_a_finished_training_is_replayed(opened):
    write_run("mlp", snapshots=False)
    write_run("<i>cnn", 2)
    os.utime("runs/mlp/train/replicate-0/record.json", (0, 0))
    found, messages = opened(REPLAY)
    assert messages == []
    last = found["last"]
    assert found["usable"] and found["local"]
    assert found["elements"] == 0, "names are text, never HTML"
    assert len(last["models"]) == 2
    assert last["epoch"] == "after epoch 3 of 3"
    assert last["values"] == "validation loss 0.500, validation accuracy 0.800"
    assert last["predicted"] == ["predicted good", "predicted <b>bad</b>"]
    assert last["bars"] == ["90%", "10%"]
    assert last["sizes"] == [6, 6]
    assert (last["lines"], last["cursor"]) == (6, 1), "training and validation of two replicates, and their means"
    assert (found["first"]["epoch"], found["playing"]) == ("before training", "Pause")
    assert found["played"] == last, "a replay ends at the end"
    assert found["moved"]["epoch"] == "after epoch 1 of 3"
    assert found["moved"]["predicted"][1] == "predicted good instead of <b>bad</b>"
    assert found["moved"]["pictures"] == [f"/trainings/f-icnn/{kind}/1" for kind in ("kernels", "maps")]
    assert found["other"]["predicted"] == []


def test_a_training_is_seen_while_it_runs_until_it_is_finished(opened):
    def finish():
        shutil.rmtree(".convtrack/checkpoints/cnn-0")
        write_result(Path(".convtrack/results/cnn-0"), "cnn")

    write_checkpoint("cnn", 0)
    steps = [lambda: write_checkpoint("cnn", 1), lambda: write_checkpoint("cnn", 3), finish]
    states, messages = opened(LIVE, *steps)
    assert messages == []
    assert [state["state"].split(" (")[0] for state in states] == [
        "Running: epoch 0 of 4",
        "Running: epoch 1 of 4",
        "Running: epoch 3 of 4",
        "Finished: 3 epochs",
    ]
    assert [state["lines"] for state in states] == [0, 2, 2, 2]
    assert [state["bars"][0] for state in states] == ["50%", "60%", "90%", "90%"]


def test_where_nothing_is_trained_the_page_names_the_commands_and_waits(opened):
    found, messages = opened(EMPTY, lambda: write_checkpoint("cnn", 1))
    assert messages == []
    assert found["before"]["empty"] and found["before"]["models"] == []
    assert not found["after"]["empty"] and found["after"]["title"] == "cnn on cells"
