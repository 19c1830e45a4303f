"""The record of how often images were used for evaluation and tuning."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.looks import (
    evaluated,
    read_looks,
    record_look,
    restore_looks,
    test_set_digest,
    tuned,
    untuned_digest,
)
from pipeline.data.prepared import ImageTexts, Prepared
from pipeline.data.splits import OWN_TESTS, TEST, replicate_splits
from pipeline.errors import UserError

digest_of = test_set_digest
del test_set_digest  # pytest would collect it as a test because of its name


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data/test_sets/cells.looks.csv"


def look(file, purpose="evaluated", test_set="t1", configuration="f1"):
    record_look(file, purpose, test_set=test_set, configuration=configuration, model="lenet5, wide", commit="c0ffee")


def test_each_configuration_counts_once_even_if_it_is_evaluated_several_times(file):
    for configuration in ("f1", "f2", "f1", "f1"):
        look(file, configuration=configuration)
    assert evaluated(read_looks(file), "t1") == 2
    assert len(file.read_text().splitlines()) == 3


def test_another_test_set_has_its_own_looks(file):
    look(file, test_set="t1")
    look(file, test_set="t2")
    look(file, test_set="t2", configuration="f2")
    looks = read_looks(file)
    assert (evaluated(looks, "t1"), evaluated(looks, "t2"), evaluated(looks, "t3")) == (1, 2, 0)


def test_tuning_without_the_images_of_a_test_set_does_not_count_for_it(file):
    look(file, "tuned", test_set="t1")
    look(file, "tuned", test_set="t2", configuration="f2")
    look(file, "evaluated", test_set="t2", configuration="f3")
    looks = read_looks(file)
    assert tuned(looks, "t1", redrawn=False) == 1
    assert tuned(looks, "t3", redrawn=False) == 2


def test_if_test_sets_are_redrawn_all_tuning_counts(file):
    look(file, "tuned", test_set="t1")
    assert tuned(read_looks(file), "t1", redrawn=True) == 1


def test_without_a_table_there_are_no_looks(file):
    assert read_looks(file) == []


@pytest.mark.parametrize(
    "damaged",
    [
        "evaluated,t1,f9",
        "evaluated,t1,f9,a,b,c,d\n",
        "\x00\n",
        'evaluated,a,b,"mod\n',
        "\xff\n",
        "a," * 70_000 + "\n",
    ],
)
def test_a_damaged_line_is_named_because_the_number_of_looks_would_be_wrong(file, damaged):
    look(file)
    with file.open("a", encoding="latin-1") as stream:
        stream.write(damaged)
    with pytest.raises(UserError, match=rf"{file} is damaged: line 3 .* Restore the file from version control"):
        look(file, configuration="f2")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2]))
    assert [one.configuration for one in read_looks(file)] == ["f1"]


def test_every_changed_character_of_a_line_is_noticed(file):
    look(file)
    header, line = file.read_text().splitlines()
    for place in range(len(line)):
        changed = "z" if line[place] != "z" else "y"
        file.write_text(f"{header}\n{line[:place]}{changed}{line[place + 1 :]}\n")
        with pytest.raises(UserError, match="is damaged"):
            read_looks(file)


def test_an_emptied_table_is_named(file):
    look(file)
    file.write_bytes(b"")
    with pytest.raises(UserError, match=r"does not begin with the names of its columns\. Restore the file"):
        read_looks(file)


def test_marks_of_a_merge_and_lines_of_earlier_versions_without_a_digest_are_read(file):
    look(file)
    older = "purpose,test_set,configuration,model,commit,date\nevaluated,t1,f0,cnn,abc,2026-01-01\n"
    _, line = file.read_text().splitlines()
    file.write_text(f"{older}<<<<<<< HEAD\n{line}\n=======\n>>>>>>> other\n")
    look(file, configuration="f2")
    assert [one.configuration for one in read_looks(file)] == ["f0", "f1", "f2"]


def test_looks_are_recorded_by_several_threads_at_once(file):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: look(file, configuration=f"f{number % 20}"), range(60)))
    assert evaluated(read_looks(file), "t1") == 20
    assert len(file.read_text().splitlines()) == 21


def prepared(few, strategy, **settings):
    """The images of `few`, split for some replicates."""
    split = {"strategy": strategy, "tuning_share": None, "seed": 0} | settings
    replicates = split.pop("replicates", 6)
    rows = replicate_splits(
        labels=few.labels, groups=few.groups, strata=few.subgroups, replicates=replicates, **split, folds=3
    )
    digests = np.tile(np.arange(60, dtype=np.uint8)[:, np.newaxis], 32)
    texts = ImageTexts(few.names, few.groups, few.subgroups)
    return Prepared(few.pixels, few.labels, rows, digests, {"settings": {"split": split}}, lambda: texts)


def test_the_digest_of_a_test_set_does_not_depend_on_the_order_of_its_images(few):
    one = prepared(few, "group")
    turned = replace(one, splits=one.splits[:, ::-1])
    assert digest_of(turned) != digest_of(one)
    both = replace(turned, digests=one.digests[::-1])
    assert digest_of(both) == digest_of(one) == digest_of(prepared(few, "group", replicates=1))


@pytest.mark.parametrize("strategy", OWN_TESTS)
@pytest.mark.parametrize("replicates", [1, 2, 6])
def test_if_replicates_have_different_test_sets_the_digest_is_over_all_images(few, strategy, replicates):
    one = prepared(few, strategy, replicates=replicates)
    everything = replace(prepared(few, "group"), splits=np.full((1, 60), TEST))
    assert digest_of(one) == digest_of(everything)


@pytest.mark.parametrize("replicates", [1, 2, 6])
def test_folds_test_what_a_search_on_the_tuning_groups_leaves_out(few, replicates):
    folds = prepared(few, "kfold", tuning_share=0.25, replicates=replicates)
    search = prepared(few, "tuning", tuning_share=0.25)
    assert digest_of(folds) == untuned_digest(search) == digest_of(search)
    assert untuned_digest(folds) != digest_of(folds)


def test_looks_that_the_table_lost_are_restored_from_the_cache(file):
    look(file)
    look(file, configuration="f2")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]))  # as after `git checkout` or `dvc exp apply`
    assert restore_looks(file) == 1
    assert file.read_text() == "".join(lines)
    assert restore_looks(file) == 0


def test_experiments_in_temporary_folders_count_each_other_and_leave_the_table_of_the_project_alone(
    tmp_path, temporary_folder, monkeypatch
):
    table = Path("data/test_sets/cells.looks.csv")
    other = temporary_folder.with_name("tmp456")
    other.mkdir()
    for folder, configuration in ((temporary_folder, "f1"), (other, "f2")):
        monkeypatch.chdir(folder)
        look(table, configuration=configuration)
    assert evaluated(read_looks(table), "t1") == 2
    monkeypatch.chdir(tmp_path)
    assert not table.exists()
    assert restore_looks(table) == 2
