"""Each mistake gives one sentence and a non-zero exit code, and leaves the project folder unchanged."""

import numpy as np
import pytest
from PIL import Image


def refused(project, *arguments, **environment):
    """Return the error message of a command, which must not write any file."""
    before = project.files()
    sentence = project.run(*arguments, **environment).error_message()
    assert project.files() == before
    return sentence


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("prepare data=digit", "Unknown data 'digit'. Did you mean 'digits'? Available: digits, digits_5x5, elpv, fol"),
        ("prepare split=grup", "Unknown split 'grup'. Did you mean 'group'? Available: group, kfold, kfold_tuned, ra"),
        ("build model=lenet", "Unknown model 'lenet'. Did you mean 'lenet5'? Available: convnext, densenet, five_by_"),
        ("train model=lenet5 optimizer=sdg", "Unknown optimizer 'sdg'. Did you mean 'sgd'? Available: adam, adamw, s"),
        ("train model=lenet5 training=lectur", "Unknown training 'lectur'. Did you mean 'lecture'? Available: balance"),
        ("train model=lenet5 augmentation=flip", "Unknown augmentation 'flip'. Did you mean 'flips'? Available: cont"),
        ("experiment experiment=debg", "Unknown experiment 'debg'. Did you mean 'debug'? Available: augmented, debug."),
        (
            "experimnt",
            "Unknown command 'experimnt'. Did you mean 'experiment'? Available: adopt, augment, baseline,",
        ),
        ("experiment -m model=lenet5 hydra/launcher=jobib", "Unknown hydra/launcher 'jobib'. Did you mean 'joblib'?"),
        (
            "describe model=lenet5 model.architecture=lenet --input 32x32x1 --classes 2",
            "Unknown architecture 'lenet'. Did you mean 'lenet5'? Availa",
        ),
        ("build models=[lenet5,lenet]", "Unknown model 'lenet'. Did you mean 'lenet5'? Available: convnext, densenet"),
    ],
)
def test_an_unknown_name_is_reported_with_the_available_ones_and_the_nearest(project, command, sentence):
    assert refused(project, *command.split()).startswith(sentence)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            "prepare splt=group",
            "Unknown setting 'splt'. Did you mean 'split'? Available: audit, auto, ba",
        ),
        (
            "prepare split.sed=1",
            "Unknown setting 'split.sed'. Did you mean 'split.seed'? Available: split.folds, split",
        ),
        ("prepare +split.sed=1", "Unknown setting 'split.sed'. Did you mean 'split.seed'? Available: split.folds, spl"),
        ("train model=lenet5 training.epoch=3", "Unknown setting 'training.epoch'. Did you mean 'training.epochs'? "),
        (
            "describe model=lenet5 model.options.activatoin=relu --input 32x32x1 --classes 2",
            "Unknown option of architecture lenet5 'activatoin'. Did you mean 'activation'? Available: ",
        ),
        (
            "prepare data=mnist_sample +data.options.sizes=9",
            "Unknown option of data source mnist_sample 'sizes'. Did you mean 'size'? Available: size.",
        ),
    ],
)
def test_a_misspelt_key_on_the_command_line_is_reported(project, command, sentence):
    assert refused(project, *command.split()).startswith(sentence)


@pytest.mark.parametrize(
    ("file", "old", "new", "command", "sentence"),
    [
        ("comparison", "replicates:", "replicate:", "report", "Unknown setting 'replicate'."),
        ("comparison", "- lenet5", "- lenet", "report", "Unknown model 'lenet'. Did you mean"),
        ("comparison", ": roc_auc", ": auc", "prepare", "Unknown metric 'auc'. Did you mean 'roc_auc'? Available: acc"),
        ("config", "workers:", "worker:", "report", "Unknown setting 'worker'. Did you mean 'workers'? Available:"),
        ("data/digits", "source:", "sorce:", "prepare data=digits", "Unknown setting 'data.sorce'. Did you mean 'dat"),
        ("split/group", "folds:", "fold:", "prepare data=digits", "Unknown setting 'split.fold'. Did you mean 'split"),
        ("model/lenet5", "architecture:", "architectur:", "build model=lenet5", "Unknown setting 'model.architectur"),
        ("model/resnet8", "architecture:", "architectur:", "build", "Unknown setting 'mod"),
        ("optimizer/sgd", "schedule:", "shedule:", "train model=lenet5", "Unknown setting 'optimizer.shedule'. Did yo"),
        ("training/lecture", "keep:", "kep:", "train model=lenet5", "Unknown setting 'training.kep'. Did you mean 'tr"),
        ("augmentation/none", "shift:", "shfit:", "train model=lenet5", "Unknown setting 'augmentation.shfit'. Did yo"),
        ("experiment/debug", "epochs:", "epoch:", "experiment experiment=debug", "Unknown setting 'training.epoch'."),
        ("evaluation", "mistakes:", "mistake:", "evaluate model=lenet5", "Unknown setting 'evaluation.mistake'. Did y"),
    ],
)
def test_a_misspelt_key_in_a_file_is_reported(project, file, old, new, command, sentence):
    project.edit(f"conf/{file}.yaml", old, new)
    # A single setting may come from several files.
    named = "" if file == "config" or "metric" in sentence else f"In conf/{file}.yaml: "
    assert refused(project, *command.split()).startswith(named + sentence)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("train model=lenet5 training.epochs=-1", "`training.epochs` must be an integer at least 1. Received -1."),
        (
            "train model=lenet5 training.batch_size=0",
            "`training.batch_size` must be an integer at least 1. Received 0.",
        ),
        ("prepare replicates=0", "`replicates` must be an integer at least 1 and at most 1000 or 'auto'. Received 0."),
        (
            "prepare replicates=two",
            "`replicates` must be an integer at least 1 and at most 1000 or 'auto'. Received 'two'.",
        ),
        (
            "prepare replicates=7 split=kfold data=digits",
            "`replicates` must be a multiple of `split.folds`, 5, for split=kfold, so that every image is tested",
        ),
        ("train model=lenet5 replicates=2", "Unknown setting 'replicates'. Available: "),
        (
            "experiment model=lenet5 replicates=auto",
            "`replicates` must be an integer at least 1 in an experiment. Received 'auto', which is for the comparison",
        ),
        (
            "experiment -m sweep=small model=lenet5 replicates=auto",
            "`replicates` must be an integer at least 1 in a sweep. Received 'auto': give a number.",
        ),
        (
            "prepare replicates=auto auto.least=30 split=group data=digits",
            "`auto.least` must be at most `auto.greatest`, 20. Received 30: lower it, or raise `auto.greatest`.",
        ),
        ("decide", "`replicates` in conf/comparison.yaml is the fixed number"),
        ("train model=lenet5 workers=0", "`workers` must be an integer at least 1 or 'ray' or null. Received 0."),
        ("train model=lenet5 optimizer.learning_rate=0", "`optimizer.learning_rate` must be a number greater than 0."),
        (
            "train model=lenet5 optimizer.learning_rate=inf",
            "`optimizer` must hold finite numbers. Received {'name': 'S",
        ),
        ("prepare split.test_share=1.5", "`split.test_share` must be a number greater than 0 and less than 1 or null."),
        (
            "prepare data=digits split.test_share=0.9",
            "The shares of the test set (0.9) and of the validation set (0.15) must add up to less than 1, so ",
        ),
        (
            "prepare data.options.threshold=2",
            "Option 'threshold' of data source elpv must be a number at least 0 and l",
        ),
        ("prepare data=digits data.options=3", "`data.options` must be a mapping. Received 3."),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_reported_with_the_rule(project, command, sentence):
    assert refused(project, *command.split()).startswith(sentence)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (
            "evaluate",
            "No model is chosen: choose one with `model=NAME`. Available: convnext, d",
        ),
        (
            "build model=null",
            "Invalid override: write GROUP=NAME or SETTING=VALUE. Hydra: Config group override must be a",
        ),
        ("build lenet5", "Invalid override 'lenet5': write SETTING=VALUE, and quote spaces and brackets."),
        (
            "build model=[lenet5",
            "Invalid override 'model=[lenet5': write SETTING=VALUE, and quote spaces an",
        ),
        ("build model=lenet5,resnet8", "'model=lenet5,resnet8' has several values: add `-m` to run one job per value"),
        ("prepare replicates=range(1,3)", "'replicates=range(1,3)' has several values: add `-m` to run one job per v"),
        ("prepare model=lenet5", "This command has no config group 'model': its `--help` lists the groups."),
        (
            "prepare +split.seed=1",
            "'split.seed' already has a value: replace it without the plus sign, `split.se",
        ),
        (
            "experiment -m model=glob(nothing*)",
            "No model matches 'nothing*'. Available: convnext, densenet, five_by_five,",
        ),
        ("describe model=null --input 8x8x1 --classes 2", "Invalid override: write GROUP=NAME or SETTING=VALUE. "),
        ("build model=lenet5 --resolve", "Invalid arguments: `--hydra-help` lists the options of Hydra. "),
        (
            "experiment model=lenet5 hydra.run.dir=conf/config.yaml/below",
            "Cannot create conf/config.yaml/below (Not a directory). Name a folder inside an existing one with",
        ),
        (
            "experiment model=lenet5 optimizer.schedule.name=CosineDecay",
            "Unknown setting 'optimizer.schedule.name': `optimizer.schedule` has no settings here. Choose a file",
        ),
        (
            "build model=nowhere -m replicates=1,2",
            "Unknown model 'nowhere'. Available: ",
        ),
        ("build model.options.units=3", "The section `model` is missing: choose one with `model=NAME`."),
        ("study conectivity", "Unknown study 'conectivity'. Did you mean 'connectivity'?"),
        ("prepare ~data", "The section `data` is missing: choose one with `data=NAME`."),
        ("prepare ~split.seed", "`split.seed` is missing: set it to an integer at least 0."),
        (
            "prepare split.seed=${nowhere}",
            "Cannot resolve `split.seed`: Interpolation key 'nowhere' not found. ",
        ),
    ],
)
def test_an_invalid_command_line_is_reported_without_internal_terms_of_hydra(project, command, sentence):
    assert refused(project, *command.split()).startswith(sentence)


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("comparison", "data: [digits", "conf/comparison.yaml is not valid YAML: "),
        ("comparison", "", "In conf/comparison.yaml: Settings must be a mapping with the keys data, split"),
        ("config", "workers: null\n- 3\n", "conf/config.yaml is not valid YAML: "),
        ("data/digits", "source: digits\n\toptions: {}\n", "conf/data/digits.yaml is not valid YAML: "),
        ("data/digits", "source: digits\nsource: elpv\n", "conf/data/digits.yaml is not valid YAML: found duplicate k"),
        (
            "data/digits",
            "- digits\n",
            "`data` must be a mapping with the keys source, options, groups. Received ['digits'].",
        ),
        ("data/digits", "", "In conf/data/digits.yaml: `data.source` is missing: set it to a string."),
        ("audit", "", "conf/audit.yaml has no settings. Restore the file, for example with Git."),
    ],
)
def test_a_file_that_is_not_a_configuration_is_named(project, file, text, sentence):
    (project.folder / "conf" / f"{file}.yaml").write_text(text)
    assert refused(project, "prepare", "data=digits").startswith(sentence)


def test_a_file_in_another_encoding_is_named(project):
    (project.folder / "conf" / "data" / "digits.yaml").write_bytes("source: digits # für uns".encode("latin-1"))
    assert refused(project, "prepare", "data=digits") == "conf/data/digits.yaml is not UTF-8 text: save it as UTF-8."


def test_a_missing_configuration_file_is_named(project):
    (project.folder / "conf" / "evaluation.yaml").unlink()
    assert refused(project, "evaluate", "model=lenet5") == "conf/evaluation.yaml is missing: restore it."


def test_outside_a_project_the_message_states_where_to_go(project):
    (project.folder / "conf" / "comparison.yaml").unlink()
    sentence = "conf/comparison.yaml does not exist here: run this command in the folder of the project."
    assert refused(project, "prepare") == sentence
    assert refused(project, "publish") == sentence
    assert refused(project, "study", "connectivity") == sentence


def test_a_stage_without_its_inputs_reports_what_to_run_first(project):
    missing = "Prepared data 'data/prepared' does not exist: make it with `convtrack prepare`."
    assert refused(project, "train", "model=lenet5") == missing
    missing = "runs/lenet5/train/replicates.json is missing. Run `dvc repro` to create it."
    assert refused(project, "evaluate", "model=lenet5") == missing


def test_a_missing_data_package_is_reported_with_the_command_that_installs_it(project, tmp_path):
    # This package shadows the installed one and cannot be imported, as if the package were not installed.
    (tmp_path / "elpv_dataset.py").write_text("raise ModuleNotFoundError('gone', name='elpv_dataset')\n")
    assert refused(project, "prepare", PYTHONPATH=f"{tmp_path}:{project.variables['PYTHONPATH']}") == (
        "Data source 'elpv' needs the package 'elpv_dataset', which is not installed: "
        "run `pip install elpv-dataset==1.0.0.post1`."
    )


@pytest.fixture
def pictures(project):
    """Twelve pictures in each of two class folders."""
    random = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (project.folder / "data" / "images" / name).mkdir()
        for number in range(12):
            pixels = random.integers(256, size=(8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(project.folder / "data" / "images" / name / f"{number}.png")
    return project.folder / "data" / "images"


def test_an_image_that_cannot_be_read_is_named(project, pictures):
    (pictures / "dogs" / "4.png").write_bytes((pictures / "dogs" / "4.png").read_bytes()[:60])
    sentence = refused(project, "prepare", "data=folder")
    assert sentence.startswith("1 of 24 pictures in 'data/images' cannot be read. Repair or remove them")
    assert sentence.endswith("\n  dogs/4.png: damaged (image file is truncated)")


def test_a_class_with_too_few_images_is_named(project, pictures):
    for number in range(2, 12):
        (pictures / "dogs" / f"{number}.png").unlink()
    sentence = refused(project, "prepare", "data=folder")
    assert "Class 'dogs' has too few " in sentence and "it has 2 and needs 3. Add images" in sentence


def test_a_class_with_too_few_groups_is_named(project, pictures):
    sentence = refused(project, "prepare", "data=folder", r"data.options.group_pattern='^[a-z]+'")
    assert "has too few groups for " in sentence and "it has 1 and needs 3. Add images" in sentence


def test_mistakes_do_not_change_prepared_data(project, pictures):
    project.run("prepare", "data=folder").output()
    (pictures / "dogs" / "4.png").write_bytes(b"")
    content = (project.folder / "data" / "prepared" / "pixels.npy").read_bytes()
    refused(project, "prepare", "data=folder")
    assert (project.folder / "data" / "prepared" / "pixels.npy").read_bytes() == content


@pytest.mark.parametrize(
    ("command", "file"),
    [("train", "lenet5/layers.json"), ("evaluate", "train/replicates.json"), ("report", "train/replicates.json")],
)
def test_a_run_folder_of_an_earlier_version_is_named_with_the_remedy(project, command, file):
    project.run("prepare", "data=digits").output()
    project.run("plan").output()
    models = ("fully_connected", "lecture_cnn", "lenet5", "locally_connected", "resnet8")
    for name in (
        name for model in models for name in (f"networks/{model}/layers.json", f"runs/{model}/train/replicates.json")
    ):
        path = project.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"parameters": 10, "multiply_accumulates": 100}')
        (path.parent / "architecture.json").write_text('{"class_name": "Functional", "config": {}}')
    override = [] if command == "report" else ["model=lenet5"]
    sentence = project.run(command, *override).error_message()
    assert f"{file} is damaged or comes from another version. Delete it and run `dvc repro`." in sentence
