from pipeline.reporting.tables import settings


def test_differing_and_common_settings_have_their_own_tables(compare, result):
    models = (
        result("a", (0.9, 0.9), configuration={"model.name": "a", "epochs": 3, "units": 100, "steps": [1, 2]}),
        result("b", (0.8, 0.8), configuration={"model.name": "b", "epochs": 3, "units": 50, "kernel": None}),
    )
    found = compare(models=models)
    assert settings.common_table(found).rows == (("epochs", "3"),)
    rows = (("units", "100", "50"), ("steps", "1, 2", "–"), ("kernel", "–", "null"))
    assert settings.differing_table(found).rows == rows


def test_settings_that_are_the_same_everywhere_do_not_differ():
    runs = {"a": {"units": "1", "seed": "0", "model.name": "a"}, "b": {"seed": "0", "model.name": "b"}}
    assert settings.differing(runs) == {"units": {"a": "1"}}
    assert settings.differing({"a": {"units": 1}, "b": {"units": 1}}) == {}


def test_a_setting_that_a_model_lacks_is_not_one_that_is_null(compare, result):
    models = (
        result("a", (0.9, 0.9), configuration={"kernel": None}),
        result("b", (0.8, 0.8), configuration={}),
    )
    assert settings.differing_table(compare(models=models)).rows == (("kernel", "null", "–"),)


def test_a_single_model_has_no_differing_settings(compare, result):
    one = compare(models=(result("a", (0.9, 0.9)),))
    assert settings.differing_table(one).rows == ()
    assert ("training.epochs", "3") in settings.common_table(one).rows


def test_each_row_has_the_command_that_reproduces_it(comparison):
    row = settings.reproduction_table(comparison).rows[0]
    assert row == ("lenet5", "dvc repro evaluate@lenet5", "8d1b7e3f2a9c", "6d79cff34b0b")


def test_the_effort_is_the_sum_over_models_and_replicates(comparison):
    rows = settings.effort_table(comparison).rows
    assert rows[0] == ("lenet5", "2", "1 min 22 s", "1.5 MB")
    assert rows[-1] == ("all", "6", "4 min 06 s", "4.5 MB")
