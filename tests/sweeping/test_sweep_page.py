"""The page of a sweep, also in headless Chromium, and its table, from no trials to hundreds."""

import json
import math
import re
import shutil
import subprocess
import time
import warnings

import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState

from pipeline.sweeping.sweep_page import sweep_page, trials_table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LOSS = ("validation_loss",)
COSTS = ("validation_loss", "validation_accuracy", "parameters", "seconds")
UNITS = "model.options.units (model=lecture_cnn)"


def studied(number, objectives=LOSS):
    """A study in which every third trial is pruned and every eleventh fails; units belong to one model only."""
    directions = ["maximize" if one == "validation_accuracy" else "minimize" for one in objectives]
    study = optuna.create_study(
        directions=directions, sampler=optuna.samplers.RandomSampler(seed=0), study_name="small-<digits>"
    )
    for place in range(number):
        trial = study.ask()
        rate = trial.suggest_float("optimizer.learning_rate", 0.001, 0.3, log=True)
        model = trial.suggest_categorical("model", ["lecture_cnn", "resnet8"])
        units = trial.suggest_int(UNITS, 20, 200, step=20) if model == "lecture_cnn" else 110
        trial.set_user_attr("memory_mib", 900)
        trial.set_user_attr("reused", int(place == 1))
        loss = abs(math.log(rate / 0.02)) + units / 1000
        if len(objectives) == 1:
            for epoch in (1, 2, 3):
                trial.report(loss + 1 / epoch, epoch)
        if place % 11 == 10:
            trial.set_user_attr("reason", "ValueError: loss is <NaN>")
            study.tell(trial, state=TrialState.FAIL)
        elif place % 3 == 2 and len(objectives) == 1:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [loss, 1 - loss / 9, units * 100, rate][: len(objectives)])
    return study


def headings(page):
    return re.findall("<h2>(.*?)</h2>", page)


def best_rows(page):
    rows = re.findall("<tr>(.*?)</tr>", page)
    return [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


# The table


def test_the_table_has_a_row_for_each_trial_in_any_state():
    study = studied(12)
    study.ask()
    table = trials_table(study, LOSS)
    assert table["number"].tolist() == list(range(13))
    assert table["state"].value_counts().to_dict() == {"complete": 7, "pruned": 4, "failed": 1, "running": 1}
    assert table["reason"].dropna().to_dict() == {10: "ValueError: loss is <NaN>"}
    assert table["reused"].sum() == 1
    complete = table[table["state"] == "complete"]
    assert complete["validation_loss"].tolist() == [
        trial.value for trial in study.get_trials(states=[TrialState.COMPLETE])
    ]


def test_integers_stay_integers_if_some_trials_lack_them(tmp_path):
    table = trials_table(studied(12), LOSS)
    assert table[UNITS].isna().any() and table[UNITS].notna().any()
    table.to_csv(tmp_path / "trials.csv", index=False)
    read = pd.read_csv(tmp_path / "trials.csv", dtype=str)
    assert read[UNITS].dropna().str.fullmatch(r"\d+").all()


def test_the_table_of_no_trials_has_its_columns():
    table = trials_table(studied(0), LOSS)
    assert list(table) == ["number", "state", "validation_loss", "seconds", "reused", "memory_mib", "reason"]


# Figures of the page


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, []),
        (1, ["Optimization history", "One parameter at a time", "Intermediate values", "Timeline"]),
        (
            2,
            [
                "Optimization history",
                "Parameter importances",
                "All trials",
                "One parameter at a time",
                "Intermediate values",
                "Timeline",
            ],
        ),
    ],
)
def test_a_figure_is_drawn_only_with_enough_trials(number, expected):
    assert headings(sweep_page(studied(number), LOSS)) == expected


def test_equal_values_give_no_importances():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for rate in (0.1, 0.2, 0.3):
        study.enqueue_trial({"rate": rate})
        trial = study.ask({"rate": optuna.distributions.FloatDistribution(0.1, 0.3)})
        study.tell(trial, 1.0)
    assert "Parameter importances" not in headings(sweep_page(study, LOSS))


def test_a_study_with_only_failed_trials_shows_the_reasons_and_draws_no_values():
    study = optuna.create_study()
    trial = study.ask({"rate": optuna.distributions.FloatDistribution(0, 1)})
    trial.set_user_attr("reason", "ValueError: loss is <NaN>")
    study.tell(trial, state=TrialState.FAIL)
    page = sweep_page(study, LOSS)
    assert headings(page) == ["Timeline", "Failed trials"]
    assert "trial 0: ValueError: loss is &lt;NaN&gt;" in page


def test_values_that_are_not_finite_are_left_out():
    study = studied(6)
    study.add_trial(optuna.trial.create_trial(value=math.inf))
    assert "Optimization history" in headings(sweep_page(study, LOSS))


def test_conditional_parameters_are_drawn_and_missing_ones_are_marked():
    page = sweep_page(studied(30), LOSS)
    assert UNITS in page
    row = next(row for row in best_rows(page) if "resnet8" in row)
    assert "–" in row


def test_the_best_trials_come_first_and_the_best_one_is_marked():
    study = studied(30)
    _, first, second, *_ = best_rows(sweep_page(study, LOSS))
    assert first[0] == f"{study.best_trial.number} ★" and "★" not in second[0]
    assert float(first[1]) <= float(second[1])


@pytest.mark.parametrize("several", [2, 3, 4])
def test_each_of_several_objectives_is_drawn_after_the_front(several):
    study = studied(24, COSTS[:several])
    page = sweep_page(study, COSTS[:several])
    assert headings(page)[: several - 1] == [f"{name} against validation_loss" for name in COSTS[1:several]]
    assert {f"Parameter importances for {name}" for name in COSTS[:several]} <= set(headings(page))
    front = {trial.number for trial in study.best_trials}
    assert {int(row[0].split()[0]) for row in best_rows(page) if "★" in row[0]} <= front
    assert best_rows(page)[1][0].endswith("★")


def test_importances_for_accuracy_concern_the_largest_values():
    """One parameter determines the value of the best trials, the other that of the worst."""
    study = optuna.create_study(directions=["minimize", "maximize"])
    for place in range(60):
        high, low = place % 6 / 5, place // 6 / 9
        settings = {"high": optuna.distributions.FloatDistribution(0, 1)}
        settings["low"] = optuna.distributions.FloatDistribution(0, 1)
        study.enqueue_trial({"high": high, "low": low})
        accuracy = 1 + high if low > 0.5 else -1 - (1 - high) * 0.01 - (0.5 - low) * 100
        study.tell(study.ask(settings), [0.0, accuracy])
    bars = re.search(r'Plotly.newPlot\(\s*"importances-1",\s*(\[.*?\}\]),', sweep_page(study, COSTS[:2]), re.DOTALL)
    (trace,) = json.loads(bars.group(1))
    values = dict(zip(trace["y"], trace["text"], strict=True))
    assert float(values["high"].strip("<")) > float(values["low"].strip("<"))


# The page as a file


def test_the_page_contains_the_script_of_plotly_once_and_escapes_names():
    page = sweep_page(studied(30), LOSS)
    assert page.count("plotly.js v") == 1
    assert "<h1>Sweep small-&lt;digits&gt;</h1>" in page
    assert "src=" not in re.sub(r"<script>/\*.*?</script>", "", page, flags=re.DOTALL)


def test_the_time_for_a_page_does_not_grow_with_the_square_of_the_trials():
    def seconds(study):
        started = time.process_time()
        sweep_page(study, LOSS)
        return time.process_time() - started

    few, many = studied(100), studied(400)
    seconds(few)  # This imports Plotly.
    assert seconds(many) < 8 * seconds(few)


def test_the_warnings_of_optuna_are_suppressed():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sweep_page(studied(4, COSTS), COSTS)
    assert [one for one in caught if "optuna" in str(one.category).lower()] == []


FORBIDDING = """
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<script>
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
addEventListener("load", () => setTimeout(() => {
  const drawn = [...document.querySelectorAll(".plotly-graph-div")].map((one) => one.querySelectorAll("svg").length);
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  document.body.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify({ drawn, refused, wide });
}, 1000));
</script>
"""


@pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine (Debian: apt install chromium)")
@pytest.mark.parametrize("objectives", [LOSS, COSTS[:3]])
def test_every_figure_is_drawn_without_network_access(tmp_path, objectives):
    page = sweep_page(studied(30, objectives), objectives)
    file = tmp_path / "sweep.html"
    file.write_text(page.replace("<head>", f"<head>{FORBIDDING}"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--disable-dev-shm-usage", "--enable-logging=stderr", "--window-size=800,900"]
    done = subprocess.run(
        [
            CHROMIUM,
            *flags,
            "--virtual-time-budget=20000",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL).group(1))
    assert found["refused"] == []
    assert found["wide"] <= 0
    assert len(found["drawn"]) == page.count("plotly-graph-div") and min(found["drawn"]) > 0
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
