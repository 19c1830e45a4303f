import inspect
from collections import Counter
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import optuna
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from optuna.study import StudyDirection
from optuna.trial import TrialState

from pipeline.config.reading import CONF
from pipeline.errors import UserError
from pipeline.sweeping.pruners import PRUNERS, make_pruner
from pipeline.sweeping.samplers import SAMPLERS, make_sampler
from pipeline.sweeping.space import Space
from pipeline.sweeping.space_reader import read_space

LOADER = ConfigLoaderImpl(create_config_search_path(str(CONF.resolve())))
LOWER = StudyDirection.MINIMIZE
CONDITIONAL = (
    {"kind": "a,b,c,d", "rate": "tag(log, interval(0.001, 1))", "size": "range(4, 65, 4)", "share": "interval(0, 1)"},
    {"kind=a": {"depth": "range(1, 5)"}, "kind=b,c": {"depth": "range(5, 9)", "mode": "x,y"}},
)


def installed(*names: str) -> list:
    needs = {"gp": "torch", "cmaes": "cmaes"}
    return [
        pytest.param(
            name, marks=pytest.mark.skipif(name in needs and not find_spec(needs[name]), reason=f"no {needs.get(name)}")
        )
        for name in names
    ]


def space_of(space, when=None) -> Space:
    return read_space(space, when or {}, [], LOADER)[0]


def sampler(name, options=None, *, space=None, directions=(LOWER,), seed=0, trial_number=0):
    space = space or space_of(*CONDITIONAL)
    return make_sampler(name, options or {}, space=space, directions=directions, seed=seed, trial_number=trial_number)


OPTIONS = {
    "tpe": {"n_startup_trials": 4},
    "nsga2": {"population_size": 4},
    "gp": {"n_startup_trials": 4},
    "cmaes": {"popsize": 4},
}


class Sweep:
    """Trials claimed one after the other, as the scheduler does, from a study in a file."""

    def __init__(self, file, name, directions=(LOWER,), seed=0) -> None:
        self.address, self.name, self.directions, self.seed = f"sqlite:///{file}", name, directions, seed
        self.space = space_of(*CONDITIONAL)
        self.open()

    def open(self) -> None:
        """Open the study as a new process does."""
        self.study = optuna.create_study(
            storage=self.address, study_name="sweep", directions=list(self.directions), load_if_exists=True
        )

    def close(self) -> None:
        self.study._storage.remove_session()
        self.study._storage._backend.engine.dispose()

    def claim(self) -> optuna.Trial:
        self.study.sampler = sampler(
            self.name,
            OPTIONS.get(self.name),
            space=self.space,
            directions=self.directions,
            seed=self.seed,
            trial_number=len(self.study.trials),
        )
        trial = self.study.ask()
        self.space.suggest(trial)
        return trial

    def complete(self, trials: int) -> None:
        for _ in range(trials):
            trial = self.claim()
            loss = abs(np.log(trial.params["rate"]) + 3) + trial.params["share"] + (trial.params["kind"] != "b")
            self.study.tell(trial, [loss, trial.params["size"]][: len(self.directions)])

    def proposed(self) -> list[dict]:
        return [trial.params for trial in self.study.trials]


@pytest.mark.parametrize("name", installed("tpe", "random", "quasi_random", "nsga2", "gp", "cmaes"))
def test_a_sweep_that_was_killed_proposes_what_an_uninterrupted_one_proposes(name, tmp_path):
    whole, killed = Sweep(tmp_path / "whole.db", name), Sweep(tmp_path / "killed.db", name)
    whole.complete(14)
    killed.complete(6)
    dead = killed.claim()
    killed.close()
    killed.open()
    killed.study._storage.set_trial_state_values(dead._trial_id, TrialState.WAITING)
    killed.complete(8)
    assert killed.proposed() == whole.proposed()
    assert all(trial.state == TrialState.COMPLETE for trial in killed.study.trials)
    for sweep in (whole, killed):
        sweep.close()


@pytest.mark.parametrize("name", installed("tpe", "random", "quasi_random", "nsga2", "gp", "cmaes"))
def test_another_seed_proposes_other_trials(name, tmp_path):
    proposed = []
    for seed in (0, 1):
        sweep = Sweep(tmp_path / f"{seed}.db", name, seed=seed)
        sweep.complete(2)
        proposed.append(sweep.proposed())
        sweep.close()
    assert all(one != other for one, other in zip(*proposed, strict=True))
    assert all(one != other for one, other in pairwise(proposed[0]))


@pytest.mark.parametrize("name", installed("tpe", "nsga2", "gp"))
def test_several_objectives_are_searched_together(name, tmp_path):
    sweep = Sweep(tmp_path / "sweep.db", name, directions=(LOWER, LOWER))
    sweep.complete(10)
    assert len(sweep.study.best_trials) >= 1
    sweep.close()


@pytest.mark.parametrize("qmc_type", ["sobol", "halton"])
@pytest.mark.parametrize("sequential", [True, False], ids=["one by one", "all at once"])
def test_quasi_random_trials_fill_the_space_evenly_conditions_included(qmc_type, sequential):
    study, space = optuna.create_study(), space_of(*CONDITIONAL)
    for number in range(64):
        study.sampler = sampler("quasi_random", {"qmc_type": qmc_type}, space=space, trial_number=number)
        trial = study.ask()
        space.suggest(trial)
        if sequential:
            study.tell(trial, 0.0)
    # In both sequences, 2^k points that start at a multiple of 2^k lie in different ones of 2^k equal parts of the
    # first coordinate, here the choice of four; in a Sobol sequence, of every coordinate.
    for first in range(0, 64, 4):
        assert len({trial.params["kind"] for trial in study.trials[first : first + 4]}) == 4
    if qmc_type == "sobol":
        shares = [int(trial.params["share"] * 64) for trial in study.trials]
        assert sorted(shares) == list(range(64))
        depths = Counter(trial.params["depth (kind=a)"] for trial in study.trials if trial.params["kind"] == "a")
        assert set(depths.values()) == {4}


def test_a_quasi_random_trial_that_runs_again_has_the_same_point():
    space = space_of({"share": "interval(0, 1)"})
    drawn = []
    for _ in range(2):
        study = optuna.create_study(sampler=sampler("quasi_random", space=space))
        drawn.append(study.ask().suggest_float("share", 0, 1))
    assert drawn[0] == drawn[1]


def test_the_defaults_of_options_are_optunas_with_three_exceptions():
    theirs = {
        "tpe": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
        "grid": optuna.samplers.RandomSampler,
        "quasi_random": optuna.samplers.QMCSampler,
        "nsga2": optuna.samplers.NSGAIISampler,
        "gp": optuna.samplers.GPSampler,
        "cmaes": optuna.samplers.CmaEsSampler,
        "median": optuna.pruners.MedianPruner,
        "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
        "none": optuna.pruners.NopPruner,
    }
    ours = {**SAMPLERS, **PRUNERS}
    assert ours.keys() == theirs.keys()
    otherwise = {
        (name, option.name)
        for name, builder in ours.items()
        for option in inspect.signature(builder).parameters.values()
        if option.kind is option.KEYWORD_ONLY
        and option.default != inspect.signature(theirs[name]).parameters[option.name].default
    }
    assert otherwise == {
        ("quasi_random", "scramble"),
        ("nsga2", "population_size"),
        ("successive_halving", "min_resource"),
    }


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tpee", {}, "Unknown sampler 'tpee'. Did you mean 'tpe'?"),
        ("tpe", {"n_startup": 3}, "Did you mean 'n_startup_trials'?"),
        ("tpe", {"seed": 3}, "Unknown option of sampler tpe 'seed'"),
        ("tpe", {"gamma": 3}, "Unknown option of sampler tpe 'gamma'"),
        ("tpe", {"n_startup_trials": "3"}, "must be an integer"),
        ("tpe", {"group": True, "multivariate": False}, "Invalid options of"),
        ("random", {"n": 3}, "sampler random has no options"),
        ("quasi_random", {"qmc_type": "fibonacci"}, "one of 'sobol', 'halton'"),
        ("nsga2", {"population_size": 1}, "at least 2"),
    ],
)
def test_a_mistake_in_the_sampler_is_reported(name, options, message):
    with pytest.raises(UserError) as error:
        sampler(name, options)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["gp", "cmaes"])
def test_a_missing_package_is_reported_with_the_extra_to_install(name, monkeypatch):
    monkeypatch.setattr("pipeline.sweeping.samplers.find_spec", lambda package: None)
    with pytest.raises(UserError, match=rf"needs the extra `{name}`: pip install -e '.\[{name}\]'"):
        sampler(name)


def test_cmaes_is_rejected_if_it_could_only_sample_at_random(monkeypatch):
    monkeypatch.setattr("pipeline.sweeping.samplers.find_spec", lambda package: True)
    with pytest.raises(UserError, match="supports one objective, but the sweep has 2"):
        sampler("cmaes", directions=(LOWER, LOWER))
    with pytest.raises(UserError, match="needs a range or an interval that is searched in every trial"):
        sampler("cmaes", space=space_of({"kind": "a,b"}, {"kind=a": {"rate": "interval(0, 1)"}}))


def epochs_of(name, options, losses, max_steps=9) -> list[int]:
    """The number of epochs of each trial, if they report constant losses one after the other."""
    study = optuna.create_study(pruner=make_pruner(name, options, max_steps=max_steps, directions=[LOWER]))
    for loss in losses:
        trial = study.ask()
        for epoch in range(1, max_steps + 1):
            trial.report(loss, epoch)
            if epoch < max_steps and trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, loss)
    return [trial.last_step for trial in study.trials]


def test_pruners_stop_unpromising_trials():
    losses = [1.0, 2.0, 3.0, 0.5, 4.0]
    assert epochs_of("none", {}, losses) == [9, 9, 9, 9, 9]
    assert epochs_of("median", {"n_startup_trials": 1}, losses) == [9, 1, 1, 9, 1]
    assert epochs_of("median", {"n_startup_trials": 1, "n_warmup_steps": 3}, losses) == [9, 3, 3, 9, 3]
    # Rungs at 1, 3 and 9 epochs, from each of which the best third continues (Li et al. 2020, algorithm 2).
    assert epochs_of("successive_halving", {"reduction_factor": 3}, losses) == [9, 1, 1, 9, 1]
    assert epochs_of("successive_halving", {"reduction_factor": 3, "min_resource": 3}, losses) == [9, 3, 3, 9, 3]


def test_hyperbands_brackets_begin_at_different_epochs():
    # With 9 epochs and a reduction factor of 3, the brackets start at 1, 3 and 9 epochs (Li et al. 2018, table 1).
    epochs = epochs_of("hyperband", {}, np.arange(60.0))
    assert set(epochs) == {1, 3, 9}


@pytest.mark.parametrize(
    ("name", "options", "directions", "message"),
    [
        ("medium", {}, [LOWER], "Unknown pruner 'medium'. Did you mean 'median'?"),
        ("median", {"warmup": 3}, [LOWER], "Unknown option of pruner median 'warmup'"),
        ("none", {"warmup": 3}, [LOWER], "pruner none has no options"),
        ("hyperband", {"max_resource": 3}, [LOWER], "Unknown option of pruner hyperband 'max_resource'"),
        ("hyperband", {"min_resource": 10}, [LOWER], "must be at most 9"),
        ("successive_halving", {"reduction_factor": 1}, [LOWER], "at least 2"),
        ("successive_halving", {"min_resource": "auto", "bootstrap_count": 1}, [LOWER], "Invalid options of"),
        ("median", {}, [LOWER, LOWER], "must be none for several objectives"),
    ],
)
def test_a_mistake_in_the_pruner_is_reported(name, options, directions, message):
    with pytest.raises(UserError) as error:
        make_pruner(name, options, max_steps=9, directions=directions)
    assert message in str(error.value)
