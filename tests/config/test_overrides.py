import pytest

from pipeline.config.overrides import allow_new_options


@pytest.mark.parametrize(
    "override",
    [
        "model.options.units=3",
        "optimizer.options.momentum=0.9,0.98",
        "optimizer.schedule.options.decay_steps=5",
        "data.options.size=[8,8]",
        "model.options={units:3}",
    ],
)
def test_an_option_that_the_file_does_not_list_may_be_set(override):
    assert allow_new_options(override) == f"++{override}"


@pytest.mark.parametrize(
    "override",
    [
        "model=lenet5",
        "model.architecture=lenet5",
        "+model.options.units=3",
        "++model.options.units=3",
        "~model.options.units",
        "~model.options.units=3",
        "training.epochs=3",
        "hydra.sweeper.sampler.options.multivariate=true",
        "sweep=small",
        "--cfg",
        "",
    ],
)
def test_every_other_override_is_unchanged(override):
    assert allow_new_options(override) == override
