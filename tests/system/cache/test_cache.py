"""Which stages `dvc repro` runs after a change: each test changes its own copy of a reproduced project."""

import json
import shutil
import sqlite3

BOTH = ("fully_connected", "lecture_cnn")


def stages_of(*models):
    return {f"{stage}@{model}" for stage in ("train", "evaluate") for model in models}


def metrics_of(project, model):
    return json.loads((project.folder / f"runs/{model}/metrics.json").read_text())["test"]


def _add_comment(file):
    file.write_text(f"{file.read_text()}# changed\n")


def test_the_first_run_executes_every_stage_and_writes_both_reports(first_run):
    assert first_run.stages == {"prepare", "plan", "build", "baseline@grey_levels", "interpret", "report"} | stages_of(
        *BOTH
    )
    for name in ("comparison.html", "comparison.md"):
        text = (first_run.project.folder / "reports" / name).read_text()
        assert all(model in text for model in (*BOTH, "grey_levels"))


def test_dvc_shows_metrics_plots_and_parameters(project):
    shown = json.loads(project.run("dvc", "metrics", "show", "--json"))
    files = shown[""]["data"]
    assert 0 < files["runs/lecture_cnn/metrics.json"]["data"]["test"]["accuracy"]["mean"] <= 1
    plots = project.run("dvc", "plots", "show", "--out", "plots_page")
    page = (project.folder / "plots_page" / "index.html").read_text()
    assert "index.html" in plots
    assert "learning_curve" in page and "confusion" in page


def test_a_changed_comment_in_the_configuration_runs_no_stage(project):
    """The state before the change would run no stage, either."""
    for file in ("conf/training/lecture.yaml", "conf/comparison.yaml"):
        _add_comment(project.folder / file)
    assert project.repro() == set()


def test_a_changed_comment_in_a_model_an_architecture_or_the_build_code_trains_nothing(project):
    for file in (
        "conf/model/lecture_cnn.yaml",
        "pipeline/architectures/lecture_cnn.py",
        "pipeline/reporting/figures/layer_diagram.py",
    ):
        _add_comment(project.folder / file)
    assert project.repro() == {"build"}


def test_a_setting_of_the_report_changes_only_the_report(project):
    project.change("conf/comparison.yaml", primary_metric="balanced_accuracy")
    assert project.changed() == {"report"}


def test_an_experiment_is_recorded_as_a_use_of_the_test_set_and_reruns_only_the_report(project):
    looks = project.folder / "data/test_sets/digits.looks.csv"
    assert [line.split(",")[3] for line in looks.read_text().splitlines()] == ["model", *BOTH]
    project.run("python", "-m", "pipeline", "experiment", "experiment=debug", "model=logistic", "split=resampled")
    assert [line.split(",")[0] for line in looks.read_text().splitlines()[1:]] == ["evaluated", "evaluated", "tuned"]
    assert project.repro() == {"report"}


def test_a_setting_of_the_evaluation_trains_nothing(project):
    project.change("conf/evaluation.yaml", mistakes=6)
    assert project.changed() == {"evaluate@fully_connected", "evaluate@lecture_cnn"}


def test_a_changed_computation_in_an_architecture_trains_only_its_own_models(project):
    path = project.folder / "pipeline/architectures/fully_connected.py"
    path.write_text(path.read_text().replace("units: PositiveInt = 100", "units: PositiveInt = 60"))
    assert project.repro("build") == {"build"}
    assert project.changed() == {"train@fully_connected", "evaluate@fully_connected", "interpret", "report"}


def test_an_option_of_one_model_reruns_only_that_model(project):
    other = metrics_of(project, "fully_connected")
    project.change("conf/model/lecture_cnn.yaml", options__units=20)
    assert project.repro() == {"build", "interpret", "report"} | stages_of("lecture_cnn")
    assert metrics_of(project, "fully_connected") == other


def test_a_new_model_is_trained_and_a_removed_model_and_baseline_disappear_from_the_report(project):
    project.change("conf/comparison.yaml", baselines=[])
    assert project.repro("plan") == {"plan"} and project.changed() == {"report"}
    source = (project.folder / "pipeline/architectures/fully_connected.py").read_text()
    (project.folder / "pipeline/architectures/newcomer.py").write_text(source.replace('"hidden"', '"hidden_units"'))
    model = (project.folder / "conf/model/fully_connected.yaml").read_text()
    (project.folder / "conf/model/newcomer.yaml").write_text(model.replace(": fully_connected", ": newcomer"))
    project.change("conf/comparison.yaml", models=["fully_connected", "newcomer"])
    assert project.repro() == {"plan", "build", "interpret", "report"} | stages_of("newcomer")
    assert not (project.folder / "networks/lecture_cnn").exists()
    assert (project.folder / "runs/lecture_cnn").is_dir()
    shutil.rmtree(project.folder / "runs/lecture_cnn")
    assert project.repro() == {"interpret", "report"}
    report = (project.folder / "reports/comparison.md").read_text()
    assert "newcomer" in report and "lecture_cnn" not in report and "grey_levels" not in report


def test_a_changed_comment_in_the_training_code_reuses_the_trained_replicates(project):
    """The stage runs again, but the fingerprints and therefore the stored results stay valid."""
    before = (project.folder / "runs/lecture_cnn/train/history.csv").read_bytes()
    _add_comment(project.folder / "pipeline/training/progress.py")
    output = project.run("dvc", "repro", "train@lecture_cnn")
    assert "reusing 2 of 2 replicates, which are already trained" in output
    assert "epoch" not in output.split("Running stage 'train")[1]
    assert (project.folder / "runs/lecture_cnn/train/history.csv").read_bytes() == before


def test_a_dvc_experiment_with_fewer_replicates_shows_its_parameters_and_metrics(project):
    settings = ("conf/comparison.yaml:replicates=1", "conf/comparison.yaml:models=[lecture_cnn]")
    project.run("dvc", "exp", "run", *(word for one in settings for word in ("--set-param", one)), "--name", "one")
    shown = json.loads(project.run("dvc", "exp", "show", "--json"))
    experiments = [one for revision in shown for one in revision["experiments"] or ()]
    assert [one["name"] for one in experiments] == ["one"]
    data = experiments[0]["revs"][-1]["data"]
    assert data["params"]["conf/comparison.yaml"]["data"]["replicates"] == 1
    assert "accuracy" in data["metrics"]["runs/lecture_cnn/metrics.json"]["data"]["test"]


def test_a_clone_with_a_pulled_cache_trains_nothing_and_publishes_all_runs(project, tmp_path):
    project.run("dvc", "remote", "add", "--default", "kept", str(tmp_path / "remote"))
    project.commit()
    project.run("dvc", "push")
    project.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = type(project)(tmp_path / "clone")
    clone.run("dvc", "pull")
    assert clone.repro() == set()
    clone.run("python", "-m", "pipeline", "publish")
    with sqlite3.connect(clone.folder / "mlflow.db") as store:
        runs = store.execute("select status, count(*) from runs group by status").fetchall()
    store.close()
    comparison, models, replicates = 1, len(BOTH) + 1, 2
    assert runs == [("FINISHED", comparison + models + replicates * models)]


def test_decide_trains_more_replicates_and_leaves_a_project_in_which_no_stage_runs(project):
    """It takes long, because each of the two looks runs `dvc repro`."""
    project.change("conf/comparison.yaml", models=["fully_connected"], replicates="auto")
    project.change("conf/comparison.yaml", auto={"least": 3, "greatest": 4, "minutes": 30})
    output = project.run("python", "-m", "pipeline", "decide")
    # Two looks at one pair need 7 replicates for a verdict, less than twice the greatest number.
    assert (
        "1 of 1 pairs can still be decided: fully_connected – grey_levels. Training more replicates (1 of f" in output
    )
    end = "The greatest number of replicates, 4, is reached. Undecided: fully_connected – grey_levels."
    assert output.strip().endswith(end)
    assert json.loads((project.folder / "plan/models/fully_connected.json").read_text())["replicates"] == 4
    assert end in (project.folder / "reports/comparison.md").read_text()
    assert len(metrics_of(project, "fully_connected")) and project.repro() == set()
