"""Each test leaves the comparison reproduced, as the next one expects it: they run in the order they stand in."""

import json
import shutil
import sqlite3

import yaml


def stages_of(*models):
    return {f"{stage}@{model}" for stage in ("source", "build", "train", "evaluate") for model in models}


def metrics_of(project, model):
    return json.loads((project.folder / f"runs/{model}/metrics.json").read_text())["test"]


def test_the_first_run_runs_every_stage_and_ends_with_a_report(project, first_run):
    assert first_run == {"prepare", "report"} | stages_of("fully_connected", "lecture_cnn")
    for name in ("comparison.html", "comparison.md"):
        text = (project.folder / "reports" / name).read_text()
        assert "lecture_cnn" in text and "fully_connected" in text


def test_dvc_shows_metrics_plots_and_parameters(project, first_run):
    shown = json.loads(project.run("dvc", "metrics", "show", "--json"))
    files = shown[""]["data"]
    assert 0 < files["runs/lecture_cnn/metrics.json"]["data"]["test"]["accuracy"]["mean"] <= 1
    plots = project.run("dvc", "plots", "show", "--out", "plots_page")
    page = (project.folder / "plots_page" / "index.html").read_text()
    assert "index.html" in plots
    assert "learning_curve" in page and "confusion" in page


def test_nothing_changed_nothing_runs(project, first_run):
    assert project.repro() == set()


def test_a_changed_comment_runs_nothing(project, first_run):
    for file in ("conf/model/lecture_cnn.yaml", "conf/training/lecture.yaml", "conf/comparison.yaml"):
        path = project.folder / file
        path.write_text(f"{path.read_text()}# another comment\n")
    assert project.repro() == set()


def test_a_report_setting_trains_nothing(project, first_run):
    project.change("conf/comparison.yaml", primary_metric="accuracy")
    assert project.repro() == {"report"}


def test_a_look_at_images_is_kept_and_only_the_report_is_written_again(project, first_run):
    looks = project.folder / "data/test_sets/digits.looks.csv"
    assert [line.split(",")[3] for line in looks.read_text().splitlines()] == [
        "model",
        "fully_connected",
        "lecture_cnn",
    ]
    project.run("python", "-m", "pipeline", "experiment", "experiment=debug", "model=logistic", "split=resampled")
    assert [line.split(",")[0] for line in looks.read_text().splitlines()[1:]] == ["evaluated", "evaluated", "tuned"]
    assert project.repro() == {"report"}


def test_another_number_of_evaluation_repeats_trains_nothing(project, first_run):
    path = project.folder / "conf/evaluation.yaml"
    path.write_text(path.read_text().replace("mistakes: 12", "mistakes: 6"))
    assert project.repro() == {"evaluate@fully_connected", "evaluate@lecture_cnn", "report"}


def test_one_models_option_runs_that_model_alone(project, first_run):
    other = metrics_of(project, "fully_connected")
    path = project.folder / "conf/model/lecture_cnn.yaml"
    path.write_text(path.read_text() + "options: {units: 20}\n")
    assert project.repro() == stages_of("lecture_cnn") - {"source@lecture_cnn"} | {"report"}
    assert metrics_of(project, "fully_connected") == other


def test_a_new_architecture_with_its_model_runs_alone(project, first_run):
    source = (project.folder / "pipeline/architectures/fully_connected.py").read_text()
    (project.folder / "pipeline/architectures/newcomer.py").write_text(source.replace('"hidden"', '"hidden_units"'))
    model = (project.folder / "conf/model/fully_connected.yaml").read_text()
    (project.folder / "conf/model/newcomer.yaml").write_text(model.replace(": fully_connected", ": newcomer"))
    project.change("conf/comparison.yaml", models=["fully_connected", "lecture_cnn", "newcomer"])
    ran = project.repro()
    assert {stage for stage in ran if not stage.startswith("source@")} == stages_of("newcomer") - {
        "source@newcomer"
    } | {"report"}


def test_a_model_that_leaves_the_comparison_leaves_the_report(project, first_run):
    project.change("conf/comparison.yaml", models=["fully_connected", "lecture_cnn"])
    assert project.repro() == {"report"}
    assert (project.folder / "runs/newcomer").is_dir()
    shutil.rmtree(project.folder / "runs/newcomer")
    assert project.repro() == {"report"}
    assert "newcomer" not in (project.folder / "reports/comparison.md").read_text()


def test_results_that_were_lost_come_back_without_training(project, first_run):
    """The results' own store answers a changed source that changes no fingerprint; its history tells the seconds."""
    before = (project.folder / "runs/lecture_cnn/train/history.csv").read_bytes()
    path = project.folder / "pipeline/training/progress.py"
    path.write_text(f"{path.read_text()}# changed\n")
    output = project.run("dvc", "repro")
    assert "2 of 2 replicates are trained already and reused" in output
    assert "epoch" not in output.split("Running stage 'train")[1]
    assert (project.folder / "runs/lecture_cnn/train/history.csv").read_bytes() == before


def test_fewer_replicates_as_a_dvc_experiment(project, first_run):
    project.commit()
    project.run("dvc", "exp", "run", "--set-param", "conf/comparison.yaml:replicates=1", "--name", "one")
    shown = json.loads(project.run("dvc", "exp", "show", "--json"))
    experiments = [one for revision in shown for one in revision["experiments"] or ()]
    assert [one["name"] for one in experiments] == ["one"]
    data = experiments[0]["revs"][-1]["data"]
    assert data["params"]["conf/comparison.yaml"]["data"]["replicates"] == 1
    assert "accuracy" in data["metrics"]["runs/lecture_cnn/metrics.json"]["data"]["test"]
    project.run("git", "checkout", "--quiet", "--", ".")
    project.run("dvc", "checkout")


def test_a_clone_with_a_pulled_cache_trains_nothing_and_publishes(project, first_run, tmp_path):
    project.run("dvc", "remote", "add", "--force", "--default", "kept", str(tmp_path / "remote"))
    assert project.repro() == set()
    project.commit()
    project.run("dvc", "push")
    project.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = type(project)(tmp_path / "clone")
    clone.run("dvc", "pull")
    assert clone.repro() == set()
    models = yaml.safe_load((clone.folder / "conf/comparison.yaml").read_text())["models"]
    clone.run("python", "-m", "pipeline", "publish")
    with sqlite3.connect(clone.folder / "mlflow.db") as store:
        runs = store.execute("select status, count(*) from runs group by status").fetchall()
    store.close()
    comparison, replicates = 1, 2
    assert runs == [("FINISHED", comparison + len(models) + replicates * len(models))]
