"""`convtrack freeze` on runs that this project has not made, and its page in headless Chromium."""

import html
import json
import math
import os
import re
import shutil
import subprocess

import mlflow
import pytest
from mlflow.entities import Metric, Param, RunTag

from pipeline.cli.commands import freeze
from pipeline.errors import UserError
from pipeline.reporting.frozen_page import FrozenRun, frozen_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "</script><script>document.title='evil'</script><img src=x onerror=\"document.title='evil'\">"
STEPS = 400

OBSERVING = """
<script>
window.problems = [];
addEventListener("error", (event) => problems.push(event.message));
document.addEventListener("securitypolicyviolation", (event) => problems.push(event.blockedURI));
addEventListener("load", async () => {
  const names = () => [...document.querySelectorAll("#runs tbody tr")].map((row) => row.cells[0].textContent.trim());
  const lines = (home) => document.querySelectorAll(`${home} .line`).length;
  const filter = (text) => { byId("filter").value = state.query = text; draw(); return names(); };
  const head = (name) => [...document.querySelectorAll("thead button")].find((one) => one.textContent === name);
  const found = { all: names(), panels: document.querySelectorAll("#panels figure").length, lines: lines("#panels") };
  head("val_accuracy").click();
  found.up = names();
  head("val_accuracy").click();
  found.down = names();
  found.sort = head("val_accuracy").parentNode.getAttribute("aria-sort");
  found.focused = document.activeElement === head("val_accuracy");
  found.above = filter("val_accuracy > 0.8");
  found.both = filter("model=cnn seed<2");
  found.text = filter("MLP");
  found.unknown = [filter("nothing>1").length, byId("problem").textContent];
  filter("");
  const column = (name) => {
    const place = [...document.querySelectorAll("thead button")].indexOf(head(name));
    return [...document.querySelectorAll("#runs tbody tr")].map((row) => row.cells[place].textContent);
  };
  head("final_loss").click();
  found.losses = column("final_loss");
  head("val_accuracy").click();
  const axis = [...document.querySelectorAll("#parallel .hit")].at(-1), box = axis.getBoundingClientRect();
  const at = (share) => ({ clientX: box.x + 5, clientY: box.y + share * box.height, bubbles: true });
  axis.dispatchEvent(new PointerEvent("pointerdown", at(0)));
  dispatchEvent(new PointerEvent("pointerup", at(0.15)));
  found.brushed = names();
  byId("clear").click();
  found.cleared = names().length;
  document.querySelector("#runs tbody input").click();
  found.emphasised = document.querySelectorAll("#panels .line.on").length;
  found.wide = document.documentElement.scrollWidth <= document.documentElement.clientWidth;
  found.title = document.title;
  found.problems = problems;
  found.loaded = performance.getEntriesByType("resource").length;
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>
"""


@pytest.fixture
def client(tmp_path, monkeypatch, empty_store):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "their.db")
    return mlflow.MlflowClient(f"sqlite:///{tmp_path}/their.db")


def log(client, experiment, name, curve, *, loss=10, params=None, tags=None):
    run = client.create_run(experiment, run_name=name).info.run_id
    metrics = [Metric("val_accuracy", value, 1000 * step, step) for step, value in enumerate(curve)]
    client.log_batch(
        run,
        metrics=[*metrics, Metric("final_loss", loss, 0, 0)],
        params=[Param(key, str(value)) for key, value in (params or {}).items()],
        tags=[RunTag(key, value) for key, value in (tags or {}).items()],
    )
    client.set_terminated(run)
    return run


@pytest.fixture
def page(client, tmp_path):
    """The page of six runs, one of which tries to run a script, and one of which has diverged."""
    experiment = client.create_experiment("Yann's <b>runs</b>", tags={"a": EVIL})
    for number, model in enumerate(["cnn", "cnn", "cnn", "mlp", "mlp"]):
        curve = [0.9 - 0.2 * (model == "mlp") - 0.5 / (step + 1) + number / 100 for step in range(STEPS)]
        params = {"model": model, "seed": number, "epochs": 3, "path": EVIL}
        log(client, experiment, f"{model}-{number}", curve, loss=5 + number / 10, params=params)
    odd = {"params": {"model": EVIL, "epochs": 3}, "tags": {"note": EVIL}}
    log(client, experiment, EVIL, [0.5, math.nan, 0.1], loss=math.inf, **odd)
    freeze.main(["Yann's <b>runs</b>", "--store", "their.db", "--output", "page.html"])
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_the_page_contains_all_values_that_differ_and_the_curves(page):
    data = data_of(page)
    assert len(data["runs"]) == 6 and data["runs"][1:] == ["mlp-4", "mlp-3", "cnn-2", "cnn-1", "cnn-0"]
    names = {(one["name"], one["kind"]) for one in data["columns"]}
    assert names >= {("val_accuracy", "metric"), ("model", "param"), ("seed", "param"), ("note", "tag")}
    row = dict(zip([one["name"] for one in data["columns"]], data["rows"][5], strict=True))
    assert data["rows"][0][[one["name"] for one in data["columns"]].index("final_loss")] == "not finite"
    assert (row["model"], row["seed"], row["final_loss"], row["status"]) == ("cnn", 0, 5, "finished")
    assert row["val_accuracy"] == pytest.approx(0.9 - 0.5 / STEPS, abs=1e-5)
    assert list(data["curves"]) == ["val_accuracy"]
    place, steps, values = data["curves"]["val_accuracy"][5]
    assert (place, data["steps"][steps][0], data["steps"][steps][-1]) == (5, 0, STEPS - 1)
    assert len(values) == len(data["steps"][steps]) <= 200


def test_names_and_values_cannot_become_markup(page):
    assert "<b>runs" not in page and "<img" not in page
    assert page.count("<script") == page.count("</script") == 2


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (Debian: apt install chromium)")
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_sorts_filters_and_draws_in_a_browser_without_loading_anything(page, tmp_path, width):
    file = tmp_path / "watched.html"
    file.write_text(page.replace("</body>", f"{OBSERVING}</body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--disable-dev-shm-usage", "--enable-logging=stderr", "--virtual-time-budget=10000"]
    flags += [f"--window-size={width},900"]
    done = subprocess.run(
        [CHROMIUM, *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert match, done.stderr
    found = json.loads(html.unescape(match[1]))
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert (found["problems"], found["loaded"], found["title"]) == ([], 0, "Yann's <b>runs</b>: 6 runs")
    assert (found["panels"], found["lines"], found["wide"]) == (1, 6, True)
    ascending = [EVIL, "mlp-3", "mlp-4", "cnn-0", "cnn-1", "cnn-2"]
    assert (found["up"], found["down"]) == (ascending, ascending[::-1])
    assert (found["sort"], found["focused"]) == ("descending", True)
    assert sorted(found["above"]) == ["cnn-0", "cnn-1", "cnn-2"]
    assert sorted(found["both"]) == ["cnn-0", "cnn-1"]
    assert sorted(found["text"]) == ["mlp-3", "mlp-4"]
    assert found["unknown"][1] == "There is no column “nothing”."
    # A value that is not finite keeps the column a column of numbers, and stands last.
    assert found["losses"] == ["5.000", "5.100", "5.200", "5.300", "5.400", "not finite"]
    # The upper 15 % of the last axis, val_accuracy.
    assert sorted(found["brushed"]) == ["cnn-0", "cnn-1", "cnn-2"]
    assert (found["cleared"], found["emphasised"]) == (6, 1)


def test_a_hundred_runs_fit_into_a_megabyte():
    runs = []
    for number in range(100):
        curve = [(step, (number + step) ** -0.5) for step in range(1, 150)]
        curves = dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"), curve)
        last = dict.fromkeys(curves, curve[-1][1])
        params = {f"option_{place}": str(number / 7) for place in range(30)}
        runs.append(FrozenRun(str(number), "", "FINISHED", None, None, None, last, params, {}, curves))
    assert 300_000 < len(frozen_page("many", "their.db", runs)) < 1_000_000


def test_the_store_is_only_read_and_the_command_prints_the_file(client, tmp_path, capsys):
    log(client, client.create_experiment("../a b"), "one", [0.5])
    before = (tmp_path / "their.db").read_bytes()
    freeze.main(["../a b", "--store", "their.db"])
    assert re.fullmatch(r"_a_b\.html: 1 run, [\d.]+ kB\. Open it in a browser\.\n", capsys.readouterr().out)
    assert (tmp_path / "their.db").read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["_a_b.html", "their.db"]


def test_every_mistake_gives_a_message_of_one_sentence(client, tmp_path):
    client.create_experiment("empty")
    for arguments, message in (
        (["emty"], "Unknown experiment 'emty'. Did you mean 'empty'? Available: Default, empty."),
        (["empty"], "Experiment 'empty' has no run. Choose an experiment with runs."),
        (["empty", "--output", "no/where.html"], "`--output` must name a file in an existing folder. Received 'no/wh"),
        (["empty", "--output", str(tmp_path)], "`--output` must name a file in an existing folder."),
    ):
        with pytest.raises(UserError) as error:
            freeze.main([*arguments, "--store", "their.db"])
        assert str(error.value).startswith(message)
    assert [one.name for one in tmp_path.iterdir()] == ["their.db"]


def freeze_error(output):
    with pytest.raises(UserError) as error:
        freeze.main(["theirs", "--store", "their.db", "--output", str(output)])
    assert "\n" not in str(error.value)
    return str(error.value)


def test_only_html_pages_are_replaced(client, tmp_path):
    log(client, client.create_experiment("theirs"), "one", [0.5])
    before = (tmp_path / "their.db").read_bytes()
    assert freeze_error("their.db") == (
        "'their.db' exists and is not an HTML page. `convtrack freeze` replaces HTML pages only. Choose another "
        "`--output`."
    )
    assert (tmp_path / "their.db").read_bytes() == before
    (tmp_path / "theirs.html").write_text("my notes")
    with pytest.raises(UserError, match="exists and is not an HTML page"):
        freeze.main(["theirs", "--store", "their.db"])
    (tmp_path / "theirs.html").write_text("<!doctype HTML><p>an older page")
    freeze.main(["theirs", "--store", "their.db"])
    freeze.main(["theirs", "--store", "their.db"])
    assert "an older page" not in (tmp_path / "theirs.html").read_text()


def test_a_named_pipe_and_a_link_keep_their_places(client, tmp_path):
    log(client, client.create_experiment("theirs"), "one", [0.5])
    pipe, link, circle = tmp_path / "pipe", tmp_path / "link.html", tmp_path / "circle"
    os.mkfifo(pipe)
    circle.symlink_to(circle)
    for place in (pipe, circle):
        assert "exists and is not an HTML page" in freeze_error(place)
    assert pipe.is_fifo() and circle.is_symlink()
    (tmp_path / "pages").mkdir()
    link.symlink_to("pages/page.html")
    freeze.main(["theirs", "--store", "their.db", "--output", "link.html"])
    assert link.is_symlink() and (tmp_path / "pages" / "page.html").is_file()
    link.unlink()
    link.symlink_to("missing/page.html")
    assert freeze_error("link.html").startswith("`--output` must name a file in an existing folder.")


@pytest.mark.parametrize("output", ["/proc/page.html", f"{'a' * 300}.html", f"{'a' * 248}.html"])
def test_a_place_that_the_system_refuses_is_named(client, output):
    log(client, client.create_experiment("theirs"), "one", [0.5])
    message = freeze_error(output)
    assert message.startswith(f"Cannot write '{output}' (")
    assert message.endswith("Choose another `--output`.")
