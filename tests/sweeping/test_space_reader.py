import json
from itertools import product

import optuna
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

from pipeline.config.reading import CONF
from pipeline.errors import UserError
from pipeline.sweeping.grid_search import combination_count, combinations
from pipeline.sweeping.space import Parameter, Space
from pipeline.sweeping.space_reader import read_space

LOADER = ConfigLoaderImpl(create_config_search_path(str(CONF.resolve())))
MODELS = "choice(lecture_cnn, lenet5, resnet8)"


def space_of(space=None, when=None, arguments=()) -> Space:
    return read_space(space or {}, when or {}, list(arguments), LOADER)[0]


def parameter_of(written) -> Parameter:
    return space_of({"key": written}).parameters[0]


def parsed(*overrides: str) -> list[Override]:
    return OverridesParser.create(LOADER).parse_overrides(list(overrides))


def proposals(space: Space, trials: int) -> list[list[str]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [space.suggest(study.ask()) for _ in range(trials)]


def grid_overrides(space: Space) -> list[list[str]]:
    return [space.suggest(FixedTrial(values)) for values in combinations(space)]


@pytest.mark.parametrize(
    ("written", "distribution"),
    [
        ("choice(16, 32, 64)", CategoricalDistribution(("16", "32", "64"))),
        ("relu,tanh", CategoricalDistribution(("relu", "tanh"))),
        (["relu", None, True, 0.5], CategoricalDistribution(("relu", "null", "True", "0.5"))),
        ("choice([8, 16], [16, 32])", CategoricalDistribution(("[8,16]", "[16,32]"))),
        ("choice(3)", CategoricalDistribution(("3",))),
        ("sort(3, 1, 2)", CategoricalDistribution(("1", "2", "3"))),
        ("shuffle(1, 2)", CategoricalDistribution(("1", "2"))),
        ("range(20, 201, 20)", IntDistribution(20, 200, step=20)),
        ("range(3)", IntDistribution(0, 2)),
        ("range(9, 0, -3)", IntDistribution(3, 9, step=3)),
        ("sort(range(1, 4), reverse=true)", IntDistribution(1, 3)),
        ("tag(log, range(1, 65))", IntDistribution(1, 64, log=True)),
        ("range(0, 1, 0.25)", FloatDistribution(0, 0.75, step=0.25)),
        ("range(0, 1, 0.1)", FloatDistribution(0, 0.9, step=0.1)),
        ("interval(0, 0.6)", FloatDistribution(0, 0.6)),
        ("interval(1, 9)", FloatDistribution(1, 9)),
        ("tag(log, interval(1e-3, 0.3))", FloatDistribution(1e-3, 0.3, log=True)),
        ("int(interval(1, 9))", IntDistribution(1, 9)),
        ("tag(log, int(interval(1, 512)))", IntDistribution(1, 512, log=True)),
        ("int(tag(log, interval(1, 512)))", IntDistribution(1, 512, log=True)),
    ],
)
def test_hydras_sweeps_become_optunas_distributions(written, distribution):
    assert parameter_of(written).distribution == distribution


def test_a_glob_chooses_among_the_files_of_a_group():
    (models,) = space_of({"model": "glob(lecun1989_net*, exclude=*5)"}).parameters
    assert models.distribution.choices == tuple(f"lecun1989_net{number}" for number in range(1, 5))


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: name not in ("inf", "nan", "null", "true", "false")
)
yaml_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=2), max_leaves=4
)


@settings(deadline=None)
@given(yaml_values)
def test_a_choice_comes_back_from_its_override_as_the_same_value(value):
    (override,) = space_of({"key": [value]}).suggest(FixedTrial({"key": parameter_of([value]).listed[0]}))
    read_back = parsed(override)[0].value()
    assert json.dumps(read_back) == json.dumps(value)  # JSON distinguishes 1, 1.0, True and "1".


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_a_float_keeps_all_digits_in_its_override(low, high):
    assume(low < high)
    parameter = parameter_of(f"interval({low!r}, {high!r})")
    for value in (low, high, (low + high) / 2):
        assert parsed(parameter.override(value))[0].value() == value


steps = st.decimals(-4, 4, places=3).filter(lambda step: abs(step) > 0.05)


@settings(max_examples=50, deadline=None)
@given(st.decimals(-5, 5, places=2), st.decimals(-5, 5, places=2), steps)
def test_proposals_of_a_range_are_the_values_that_hydra_lists(start, stop, step):
    written = f"range({start}, {stop}, {step})"
    listed = list(parsed(f"key={written}")[0].sweep_string_iterator())
    assume(listed)
    space = space_of({"key": written})
    assert [override for (override,) in grid_overrides(space)] == [f"key={value}" for value in listed]
    assert {override for (override,) in proposals(space, 5)} <= {f"key={value}" for value in listed}


def test_a_range_that_optuna_cannot_represent_becomes_a_choice():
    # With this many digits, the sum of `low` and the steps is not exactly a float.
    written = "range(-0.8576434444393892, -0.3745846281289167, 0.20730893353447066)"
    assert isinstance(parameter_of(written).distribution, CategoricalDistribution)
    assert [override for (override,) in grid_overrides(space_of({"key": written}))] == [
        f"key={value}" for value in parsed(f"key={written}")[0].sweep_string_iterator()
    ]


sweeps = st.sampled_from(
    ["1,2", "choice(a, b, c)", "range(3)", "range(5, 0, -2)", "range(0, 1, 0.5)", "choice('1', x y)", "sort(c, a, b)"]
)


@settings(max_examples=30, deadline=None)
@given(st.lists(sweeps, min_size=1, max_size=4))
def test_the_grid_is_that_of_hydras_basic_sweeper(written):
    overrides = [f"key{place}={sweep}" for place, sweep in enumerate(written)]
    (theirs,) = BasicSweeper.split_arguments(parsed(*overrides), None)
    space = space_of(arguments=overrides)
    # Hydra's own writes choice('1') as 1, which it then reads as a number.
    assert grid_overrides(space) == [
        [
            each.replace("=1", "='1'") if "key" in each and "'1'" in written[place] else each
            for place, each in enumerate(job)
        ]
        for job in theirs
    ]
    assert combination_count(space) == len(theirs)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.sets(st.integers(0, 2), min_size=1), st.integers(1, 3)), max_size=3),
)
def test_a_conditional_grid_leaves_out_parameters_whose_condition_does_not_hold(sizes, dependent):
    space = {f"k{place}": list(range(size)) for place, size in enumerate(sizes)}
    when = {}
    for place, (on, values, size) in enumerate(dependent):
        held = sorted(values & set(range(sizes[on]))) if on < len(sizes) else []
        if held:
            condition = f"k{on}={','.join(map(str, held))}"
            when.setdefault(condition, {})[f"c{place}"] = list(range(size))
    found = grid_overrides(space_of(space, when))

    everything = {**space, **{key: values for block in when.values() for key, values in block.items()}}
    needs = {key: condition for condition, block in when.items() for key in block}
    expected = set()
    for values in product(*everything.values()):
        job = dict(zip(everything, values, strict=True))
        for key, condition in needs.items():
            on, _, allowed = condition.partition("=")
            if str(job[on]) not in allowed.split(","):
                job[key] = None
        expected.add(frozenset(f"{key}={value}" for key, value in job.items() if value is not None))
    assert len(found) == len(expected) == combination_count(space_of(space, when))
    assert {frozenset(job) for job in found} == expected


def test_a_shuffled_grid_has_all_combinations_in_a_reproducible_order():
    once, again = (grid_overrides(space_of({"key": "shuffle(range(20))"})) for _ in range(2))
    ordered = grid_overrides(space_of({"key": "range(20)"}))
    assert once == again != ordered
    assert sorted(once) == sorted(ordered)


def test_options_of_a_model_are_searched_only_if_that_model_is_chosen():
    space = space_of(
        {"model": MODELS},
        {"model=lecture_cnn": {"model.options.units": "range(20, 201, 20)"}, "model=lenet5,resnet8": {"seed": "1,2"}},
    )
    assert [one.name for one in space.parameters] == [
        "model",
        "model.options.units (model=lecture_cnn)",
        "seed (model=lenet5,resnet8)",
    ]
    for model, second in proposals(space, 30):
        assert second.startswith("++model.options.units=" if model == "model=lecture_cnn" else "seed=")


def test_a_setting_may_have_a_different_range_for_each_model():
    when = {"model=lecture_cnn": {"epochs": "range(1, 3)"}, "model=lenet5": {"epochs": "range(10, 13)"}}
    space = space_of({"model": MODELS}, when)
    assert grid_overrides(space) == [
        *[["model=lecture_cnn", f"epochs={epochs}"] for epochs in (1, 2)],
        *[["model=lenet5", f"epochs={epochs}"] for epochs in (10, 11, 12)],
        ["model=resnet8"],
    ]


def test_a_condition_may_be_on_any_listed_value():
    space = space_of(
        {"layers": "range(1, 4)", "flag": "true,false", "filters": "[8,16],[16]"},
        {"layers=range(2, 4)": {"a": "1,2"}, "flag=true": {"b": "1,2"}, "filters=[8, 16]": {"c": "1,2"}},
    )
    assert space.suggest(FixedTrial({"layers": 1, "flag": "False", "filters": "[16]"})) == [
        "layers=1",
        "flag=False",
        "filters=[16]",
    ]
    values = {"layers": 3, "flag": "True", "filters": "[8,16]"}
    found = space.suggest(FixedTrial({**values, **{one.name: "1" for one in space.parameters if one.condition}}))
    assert found[3:] == ["a=1", "b=1", "c=1"]


def test_the_command_line_takes_precedence_over_the_space():
    space, fixed = read_space(
        {"a": "1,2", "b": "1,2", "+c": "1,2"},
        {"a=1": {"d": "1,2"}, "a=2": {"e": "1,2"}},
        ["b=7,8,9", "a=1", "x.y=0.5", "~z", "c=3", "w='1,2'"],
        LOADER,
    )
    assert fixed == ["a=1", "x.y=0.5", "~z", "c=3", "w='1,2'"]
    assert space.written == {"space": {"b": "choice(7, 8, 9)", "d": "choice(1, 2)"}, "when": {}}


def test_the_last_override_of_a_setting_counts():
    assert read_space({}, {}, ["a=1,2", "a=3"], LOADER) == (Space(()), ["a=3"])
    space, fixed = read_space({}, {}, ["a=3", "a=1,2"], LOADER)
    assert (list(space.written["space"]), fixed) == (["a"], [])


def test_a_fixed_setting_is_removed_from_every_condition():
    space, fixed = read_space({"model": MODELS}, {"model=lenet5": {"seed": "1,2", "epochs": "1,2"}}, ["seed=5"], LOADER)
    assert [one.key for one in space.parameters] == ["model", "epochs"]
    assert fixed == ["seed=5"]


def test_a_narrowed_choice_removes_conditions_that_cannot_hold():
    when = {"model=lenet5": {"a": "1,2"}, "model=resnet8": {"b": "1,2"}, "k=2": {"c": "1,2"}}
    space = space_of({"model": MODELS, "k": "1,2"}, when, ["model=lecture_cnn,lenet5", "k=1"])
    assert [one.key for one in space.parameters] == ["model", "a"]


def test_a_prefix_and_a_package_stay_in_the_override():
    space = space_of({"+model.options.seed": "1,2", "optimizer@other": "adam,sgd"}, arguments=["++new=3,4"])
    assert [one.key for one in space.parameters] == ["model.options.seed", "optimizer@other", "new"]
    assert grid_overrides(space)[0] == ["+model.options.seed=1", "optimizer@other=adam", "++new=3"]


def test_nested_settings_equal_dotted_ones():
    assert space_of({"optimizer": {"learning_rate": "interval(0, 1)"}}) == space_of(
        {"optimizer.learning_rate": "interval(0, 1)"}
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,2", ["1", "2"]),
        ("1,2", "choice('1','2')"),
        ("range(1, 3)", "1,2"),
        ("interval(1, 3)", "int(interval(1, 3))"),
        ("interval(1, 3)", "tag(log, interval(1, 3))"),
        ("interval(0.001, 3)", "interval(0.0010000001, 3)"),
    ],
)
def test_different_spaces_have_different_written_forms(one, other):
    assert space_of({"key": one}).written != space_of({"key": other}).written


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,2", [1, 2]),
        ("choice( 1,2 )", "1,2"),
        ("tag(log,interval(1e-3,1))", "tag(log, interval(0.001, 1.0))"),
        ("range(5)", "range(0, 5, 1)"),
    ],
)
def test_notation_does_not_change_a_space(one, other):
    assert space_of({"key": one}) == space_of({"key": other})


@settings(max_examples=30, deadline=None)
@given(sweeps | st.sampled_from(["tag(log, interval(0.1, 2))", "int(interval(1, 3))", "shuffle(range(4))"]))
def test_the_written_form_of_a_parameter_gives_the_same_parameter(written):
    parameter = parameter_of(written)
    assert parameter_of(parameter.written) == parameter


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("choise(1, 2)", "Unknown function 'choise'. Did you mean 'choice'?"),
        ("choice()", "empty choice"),
        ([], "must list at least one value"),
        ("interval(2, 1)", "must be an interval between two finite numbers"),
        ("interval(1, 1)", "the smaller one first"),
        ("interval(0, inf)", "the smaller one first"),
        ("interval(nan, 1)", "the smaller one first"),
        ("tag(log, interval(0, 1))", "must start above 0"),
        ("tag(log, int(interval(0, 9)))", "must start above 0"),
        ("tag(log, range(0, 9))", "whole numbers of at least 1"),
        ("tag(log, range(1, 9, 2))", "with step 1"),
        ("tag(log, range(1, 9, 0.5))", "with step 1"),
        ("tag(log, choice(1, 2))", "write an interval or a range"),
        ("tag(lgo, interval(1, 2))", "has the tag lgo, but the only tag is log"),
        ("choice(1, 2, 1)", "lists 1 twice"),
        ("choice(a, 'a')", "lists a twice"),
        ("range(1, 9, 0)", "a step other than 0"),
        ("range(0, 1, 0.0)", "a step other than 0"),
        ("range(9, 1)", "is empty"),
        ("range(0, 1, 1e-9)", "must have at most 100000 values"),
        ("int(interval(1.5, 9))", "int needs an interval between whole numbers, not interval(1.5, 9)"),
        ("choice(1, choice(2, 3))", "has a range within a choice"),
        ("interval(0, 1), 2", "has a range within a choice"),
        ("interval(low, high)", "Invalid override"),
        ("range(0, 1", "write choice(a, b), range(start, stop, step)"),
        ("relu", "must have several values"),
        (3, "Give a single value on the command line, or as choice(3)"),
        (None, "must have several values"),
        ({}, "must have several values"),
        ("glob(nothing*)", "matches no file"),
    ],
)
def test_a_mistake_gives_one_message_that_names_the_entry(written, message):
    with pytest.raises(UserError) as error:
        space_of({"some.setting": written})
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert "some.setting" in str(error.value)


@pytest.mark.parametrize(
    ("space", "when", "arguments", "message"),
    [
        ({}, {"model=lenet5": {"a": "1,2"}}, [], "add model to the space, or `model=VALUE` to the command"),
        ({"model": MODELS}, {"model=lenet": {"a": "1,2"}}, [], "Did you mean 'lenet5'?"),
        ({}, {"model=lenet": {"a": "1,2"}}, ["model=lenet5"], "Did you mean 'lenet5'?"),
        ({"k": "1,2"}, {"k=3": {"a": "1,2"}}, [], "Available: 1, 2."),
        ({"k": "1,2"}, {"k='1'": {"a": "1,2"}}, [], "Available: 1, 2."),
        ({"k": "interval(0, 1)"}, {"k=0.5": {"a": "1,2"}}, [], "needs a setting with a list of values"),
        ({"k": "1,2"}, {"k": {"a": "1,2"}}, [], "Invalid override"),
        ({"k": "1,2"}, {"~k": {"a": "1,2"}}, [], "must be written SETTING=VALUE"),
        ({"k": "1,2"}, {"k=interval(0,1)": {"a": "1,2"}}, [], "must be written SETTING=VALUE"),
        ({"k": "1,2"}, {"k=1": {"k": "3,4"}}, [], "is searched both in every trial and under a condition"),
        ({"k": "1,2", "a": "1,2"}, {"k=1": {"a": "3,4"}}, [], "remove it from `space` or from `when`"),
        ({"k": "1,2,3"}, {"k=1,2": {"a": "1,2"}, "k=2,3": {"a": "1,2"}}, [], "two conditions that can hold"),
        ({"k": "1,2", "l": "1,2"}, {"k=1": {"a": "1,2"}, "l=1": {"a": "1,2"}}, [], "two conditions that can hold"),
        ({"k": "1,2"}, {"k=1": {"a": "1,2"}, "a=1": {"b": "1,2"}}, [], "in every trial"),
        ({"a": "1,2", "+a": "1,2"}, {}, [], "is in the space twice"),
        ({"model": "lenet,resnet8"}, {}, [], "Unknown model 'lenet'. Did you mean 'lenet5'?"),
        ({}, {}, ["model=lenet,resnet8"], "Unknown model 'lenet'"),
    ],
)
def test_a_condition_that_can_never_hold_is_rejected(space, when, arguments, message):
    with pytest.raises(UserError) as error:
        space_of(space, when, arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_grid_needs_lists_of_values():
    space = space_of({"a": "1,2", "rate": "interval(0, 1)"})
    for grid in (lambda: list(combinations(space)), lambda: combination_count(space)):
        with pytest.raises(UserError, match="`rate` has no finite list of values"):
            grid()


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "sweep").glob("*.yaml")))
def test_every_sweep_in_conf_is_a_space(name):
    import yaml

    settings = yaml.safe_load((CONF / "sweep" / f"{name}.yaml").read_text())
    arguments = [] if "model" in settings["space"] else ["model=lecture_cnn"]
    space = space_of(settings["space"], settings.get("when"), arguments)
    for overrides in proposals(space, 10):
        parsed(*overrides)
