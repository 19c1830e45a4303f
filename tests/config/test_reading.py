"""Reading of the configuration: a value is accepted unchanged, or rejected in one sentence that names it."""

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from pipeline.config.reading import (
    check_choice,
    check_encoding,
    choices_of,
    not_a_mapping,
    parse_yaml,
    read,
    read_comparison,
)
from pipeline.config.schema import (
    SECTIONS,
    AugmentationConfig,
    DataConfig,
    ModelConfig,
    OptimizerConfig,
    Settings,
    SplitConfig,
    TrainingConfig,
)
from pipeline.errors import UserError, unknown

CONF = Path(__file__).parents[2] / "conf"

VALID = {
    "data": {"source": "digits", "options": {"size": 8}},
    "split": {
        "strategy": "group",
        "test_share": 0.25,
        "validation_share": 0.15,
        "folds": None,
        "tuning_share": None,
        "seed": 0,
    },
    "model": {"architecture": "lenet5", "options": {"activation": "tanh"}},
    "optimizer": {
        "name": "SGD",
        "learning_rate": 0.01,
        "options": {"momentum": 0.9},
        "schedule": {"name": "CosineDecay", "options": {}},
    },
    "training": {
        "epochs": 12,
        "batch_size": 32,
        "evaluation_batch_size": 128,
        "loop": "fit",
        "keep": "best",
        "patience": None,
        "class_weights": "none",
        "threads": 1,
        "seed": 0,
    },
    "augmentation": {
        "horizontal_flip": True,
        "vertical_flip": False,
        "quarter_turns": False,
        "shift": 4,
        "rotate": 10.0,
        "zoom": 0.2,
        "brightness": 0.1,
        "contrast": 0.1,
        "noise": 0.02,
        "cutout": 0.25,
        "mixup": 0.2,
        "cutmix": 1.0,
    },
    "evaluation": {"mistakes": 12},
    "interpretation": {"enabled": True, "images": 256},
    "champion": {"model": "lenet5", "why": "It fits on the camera.", "replicate": "ensemble"},
    "audit": {"margin": 0.1, "checks": {"class_sizes": "ignore"}},
}


def changed(section, **values):
    return VALID[section] | values


def error_message(section, values):
    with pytest.raises(UserError) as error:
        read(
            SECTIONS[section], values, section, given={} if section not in ("data", "split", "model") else {"name": "x"}
        )
    message = str(error.value)
    assert "\n" not in message
    return message


def test_every_section_has_a_test():
    assert set(VALID) == set(SECTIONS)


@pytest.mark.parametrize("section", ["optimizer", "training", "augmentation", "evaluation", "interpretation"])
def test_a_valid_section_is_read_unchanged(section):
    assert json.loads(json.dumps(asdict(read(SECTIONS[section], VALID[section], section)))) == VALID[section]


def test_a_section_has_the_name_of_its_file():
    assert read(DataConfig, VALID["data"], "data", given={"name": "mine"}) == DataConfig("mine", "digits", {"size": 8})


def test_a_file_cannot_set_a_name_other_than_its_own():
    assert error_message("model", changed("model", name="other")).startswith("Unknown setting 'model.name'.")


def test_a_misspelt_key_is_reported_with_the_nearest_one():
    values = {name.replace("epochs", "epoch"): value for name, value in VALID["training"].items()}
    assert error_message("training", values) == (
        "Unknown setting 'training.epoch'. Did you mean 'training.epochs'? Available: training.batch_size, "
        "training.class_weights, training.epochs, training.evaluation_batch_size, training.keep, training.loop, "
        "training.patience, training.seed, training.threads."
    )


SETTINGS = {
    "replicates": 1,
    "models": ["a"],
    "baselines": [],
    "primary_metric": "f1",
    "margin": 0.01,
    "workers": None,
}


def test_a_missing_key_is_named():
    values = {name: value for name, value in VALID["split"].items() if name != "folds"}
    assert error_message("split", values) == "`split.folds` is missing: set it to an integer at least 2 or null."
    with pytest.raises(UserError, match=r"^`workers` is missing: set it to an integer at least 1 or 'ray' or null\.$"):
        read(Settings, {name: value for name, value in SETTINGS.items() if name != "workers"}, "")


@pytest.mark.parametrize("values", [None, [], "lecture", 3])
def test_a_value_that_is_not_a_section_is_reported_with_its_keys(values):
    assert error_message("augmentation", values) == (
        "`augmentation` must be a mapping with the keys horizontal_flip, vertical_flip, quarter_turns, shift, "
        "rotate, zoom, brightness, contrast, noise, cutout, mixup, cutmix. "
        f"Received {values!r}."
    )


@pytest.mark.parametrize(
    ("section", "key", "values", "rule"),
    [
        ("training", "epochs", [0, -1, 2.0, "12", True, None, [1]], "an integer at least 1"),
        ("training", "batch_size", [0, -32], "an integer at least 1"),
        ("training", "patience", [0, "never"], "an integer at least 1 or null"),
        ("training", "loop", ["explicitly", None], "one of 'fit', 'explicit'"),
        ("training", "keep", ["first", None], "one of 'best', 'last'"),
        ("training", "class_weights", ["equal"], "one of 'none', 'balanced'"),
        ("training", "seed", [-1, 0.5], "an integer at least 0"),
        ("optimizer", "learning_rate", [0, -0.1, "fast", True, float("nan")], "a number greater than 0"),
        ("optimizer", "schedule", ["CosineDecay", 3], "a mapping or null"),
        ("split", "test_share", [0, 1, -0.5, 1.5, "half"], "a number greater than 0 and less than 1 or null"),
        ("split", "validation_share", [0, 1, None], "a number greater than 0 and less than 1"),
        ("split", "folds", [1, 2.5], "an integer at least 2 or null"),
        ("augmentation", "shift", [-1, 1.5], "an integer at least 0"),
        ("augmentation", "quarter_turns", [1, "yes"], "true or false"),
        ("evaluation", "mistakes", [0], "an integer at least 1"),
        ("model", "options", [None, ["tanh"]], "a mapping"),
        ("data", "source", [3, None], "a string"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_reported_with_the_rule(section, key, values, rule):
    for value in values:
        message = error_message(section, changed(section, **{key: value}))
        assert message == f"`{section}.{key}` must be {rule}. Received {value!r}."


def test_a_mistake_inside_a_setting_is_reported_with_the_setting():
    values = changed("optimizer", schedule={"name": "CosineDecay", "option": {}})
    assert error_message("optimizer", values) == (
        "Unknown setting 'optimizer.schedule.option'. Did you mean 'optimizer.schedule.options'? "
        "Available: optimizer.schedule.name, optimizer.schedule.options."
    )
    with pytest.raises(UserError) as error:
        read(Settings, {**SETTINGS, "models": ["a", 3]}, "")
    assert str(error.value) == "`models` must be a list of at least 1 value, each a string. Received ['a', 3]."


@pytest.mark.parametrize("section", ["optimizer", "model", "data"])
def test_an_infinite_option_is_rejected_because_fingerprints_cannot_contain_it(section):
    message = error_message(section, changed(section, options={"clipnorm": float("inf")}))
    assert message.startswith(f"`{section}` must hold finite numbers. Received ")


def test_a_checked_configuration_cannot_be_changed():
    training = read(TrainingConfig, VALID["training"], "training")
    with pytest.raises(AttributeError):
        training.epochs = 3


@pytest.mark.parametrize("kind", [OptimizerConfig, SplitConfig, ModelConfig, AugmentationConfig])
def test_a_section_with_an_unknown_key_cannot_be_created(kind):
    with pytest.raises(ValueError, match="Unexpected keyword argument"):
        kind(colour="red")


@pytest.fixture
def conf(tmp_path):
    """A copy of `conf/` that a test may change."""
    return Path(shutil.copytree(CONF, tmp_path / "conf"))


def edit(conf, **values):
    file = conf / "comparison.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | values))


def comparison_error(conf):
    with pytest.raises(UserError) as error:
        read_comparison(conf)
    message = str(error.value)
    assert "\n" not in message
    return message.removeprefix(f"In {conf / 'comparison.yaml'}: ")


AUTO = {"least": 2, "greatest": 4, "minutes": 1}


def test_the_comparison_is_read_with_its_choices(conf):
    edit(conf, data="digits", split="random", models=["lenet5", "resnet8"], replicates=3)
    read = read_comparison(conf)
    assert (read.models, read.replicates) == (("lenet5", "resnet8"), 3)
    assert read.choices["data"] == "digits" and read.choices["split"] == "random"
    assert set(read.choices) == {"data", "split", "optimizer", "training", "augmentation"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"data": "digit"}, "Unknown data 'digit'. Did you mean 'digits'? Available: digits, digits_5x5, elpv, fol"),
        ({"split": "grup"}, "Unknown split 'grup'. Did you mean 'group'? Available: group, kfold, kfold_tuned,"),
        ({"models": ["lenet"]}, "Unknown model 'lenet'. Did you mean 'lenet5'? Available: convnext, densenet, five_by"),
        ({"models": ["lenet5", "lenet5"]}, "`models` must name each model once. Received 'lenet5' twice."),
        ({"models": []}, "`models` must be a list of at least 1 value, each a string. Received []."),
        ({"models": "lenet5"}, "`models` must be a list of at least 1 value, each a string. Received 'lenet5'."),
        ({"replicates": 0}, "`replicates` must be an integer at least 1 and at most 1000 or 'auto'. Received 0."),
        (
            {"replicates": "two"},
            "`replicates` must be an integer at least 1 and at most 1000 or 'auto'. Received 'two'.",
        ),
        ({"auto": {**AUTO, "least": 1}}, "`auto.least` must be an integer at least 2 and at most 1000. Received 1."),
        ({"replicates": 10**8}, "`replicates` must be an integer at least 1 and at most 1000 or 'auto'. Received 1000"),
        ({"auto": {**AUTO, "greatest": 1001}}, "`auto.greatest` must be an integer at least 2 and at most 1000. Recei"),
        ({"auto": {**AUTO, "minutes": 0}}, "`auto.minutes` must be a number greater than 0. Received 0."),
        ({"auto": {**AUTO, "most": 9}}, "Unknown setting 'auto.most'. Did you mean 'auto.least'? Available: auto.gre"),
        ({"auto": {"least": 2, "greatest": 4}}, "`auto.minutes` is missing: set it to a number greater than 0."),
        ({"primary_metric": 3}, "`primary_metric` must be a string. Received 3."),
        ({"margin": 0}, "`margin` must be a number greater than 0. Received 0."),
        ({"replicate": 4}, "Unknown setting 'replicate'. Did you mean 'replicates'?"),
    ],
)
def test_a_mistake_in_the_comparison_is_reported_with_its_file(conf, values, sentence):
    edit(conf, **values)
    assert comparison_error(conf).startswith(sentence)


@pytest.mark.parametrize("text", ["", "- elpv\n", "elpv\n"])
def test_a_comparison_without_settings_is_reported_with_the_required_ones(conf, text):
    (conf / "comparison.yaml").write_text(text)
    assert comparison_error(conf).startswith("Settings must be a mapping with the keys data, split, models, baselines")


def test_a_baseline_must_not_have_the_name_of_a_model(conf):
    shutil.copy(conf / "model" / "lenet5.yaml", conf / "model" / "grey_levels.yaml")
    edit(conf, models=["lenet5", "grey_levels"])
    assert comparison_error(conf) == (
        "A baseline must not have the name of a model. Received 'grey_levels' in `models` and `baselines`; rename the "
        "file of the model."
    )


def test_a_baseline_must_be_named_once(conf):
    edit(conf, baselines=["grey_levels", "grey_levels"])
    assert comparison_error(conf) == "`baselines` must name each baseline once. Received 'grey_levels' twice."


def test_a_comparison_that_is_not_yaml_is_reported_with_file_and_line(conf):
    (conf / "comparison.yaml").write_text("data: elpv\nmodels: [lenet5\n")
    assert comparison_error(conf) == (
        f"{conf / 'comparison.yaml'} is not valid YAML: expected ',' or ']', but got '<stream end>' in line 3."
    )


def test_text_in_another_encoding_is_reported_with_its_file(conf):
    (conf / "comparison.yaml").write_bytes("data: elpv # Prüfung\n".encode("latin-1"))
    assert comparison_error(conf) == f"{conf / 'comparison.yaml'} is not UTF-8 text: save it as UTF-8."
    (conf / "comparison.yaml").write_text("data: elpv # Prüfung\n", encoding="utf-8")
    check_encoding(conf)


def test_a_folder_without_a_comparison_is_not_a_project(tmp_path):
    with pytest.raises(UserError) as error:
        read_comparison(tmp_path)
    assert (
        str(error.value)
        == f"{tmp_path / 'comparison.yaml'} does not exist here: run this command in the folder of the project."
    )


def test_choices_are_the_files_of_their_group(conf):
    (conf / "split" / "mine.yaml").write_text("")
    assert choices_of("split", [conf]) == ["group", "kfold", "kfold_tuned", "mine", "random", "resampled", "tuning"]
    check_choice("split", "mine", conf)


def test_a_name_without_a_similar_one_is_reported_without_a_guess():
    assert str(unknown("model", "zzz", ["lenet5"])) == "Unknown model 'zzz'. Available: lenet5."
    assert str(unknown("option", "size", [])) == "Unknown option 'size'. Available: none."


@pytest.mark.parametrize("written", ["1e-3", "0.001", "1E-3", "+1.0e-3"])
def test_a_number_in_scientific_notation_is_a_number(conf, written):
    file = conf / "comparison.yaml"
    file.write_text(re.sub(r"margin: \S+", f"margin: {written}", file.read_text()))
    assert read_comparison(conf).margin == 0.001


def test_dvc_parses_numbers_in_the_same_way(conf):
    from dvc.utils.serialize import load_yaml

    file = conf / "comparison.yaml"
    file.write_text(re.sub(r"margin: \S+", "margin: 1e-3", file.read_text()))
    assert load_yaml(str(file)) == parse_yaml(file.read_text())


def test_a_model_needs_no_options():
    assert read(ModelConfig, {"architecture": "lenet5"}, "model", given={"name": "x"}).options == {}


@pytest.mark.parametrize("content", ["3", "- a", "true"])
def test_a_configuration_file_without_settings_is_named(tmp_path, content):
    (tmp_path / "data").mkdir()
    (tmp_path / "config.yaml").write_text("workers: null")
    assert not_a_mapping(tmp_path) is None
    (tmp_path / "data" / "digits.yaml").write_text(content)
    assert "digits.yaml must hold settings, one `name: value` per line" in str(not_a_mapping(tmp_path))


@pytest.mark.parametrize("alpha", [float("inf"), float("nan"), -1, 1e308])
@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_the_share_of_mixed_images_is_a_number(name, alpha):
    off = {"horizontal_flip": False, "vertical_flip": False, "quarter_turns": False, "shift": 0}
    with pytest.raises(UserError, match=f"augmentation.{name}"):
        read(AugmentationConfig, {**off, name: alpha}, "augmentation")
