"""`convtrack verify` computes the pages of another comparison again from the records that are archived beside them."""

import re
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from development import other_comparison
from pipeline.errors import UserError
from pipeline.verification.archived_comparison import archived_comparison
from pipeline.verification.archived_records import ARCHIVE, archive_records
from tests.system.cache.recorded_runs import RUN

FOLDER = Path("reports/other")


@pytest.fixture
def archived(here):
    """Another folder of `reports/` with the pages of the reproduced project and the archive of its records."""
    FOLDER.mkdir(exist_ok=True)
    for name in ("comparison.md", "comparison.html"):
        shutil.copy(Path("reports") / name, FOLDER)
    if not (FOLDER / ARCHIVE).exists():
        archive_records(Path(), FOLDER / ARCHIVE)
    here(FOLDER / ARCHIVE)
    return FOLDER / ARCHIVE


def states():
    """What was found of each subject; several checks of one subject differ if one of them does."""
    found = sorted(archived_comparison(FOLDER), key=lambda check: ("unknown", "ok", "differs").index(check.state))
    texts = {one.subject: "; ".join(check.found for check in found if check.subject == one.subject) for one in found}
    return {check.subject: (check.state, texts[check.subject]) for check in found}


def rewritten(archive, name, content):
    """Replace a file in an archive, or add it."""
    with ZipFile(archive) as held:
        members = {one: held.read(one) for one in held.namelist()} | {name: content}
    with ZipFile(archive, "w") as changed:
        # A file `reports` is in the way of the folder of this name.
        for one, own in members.items():
            if one.startswith(f"{name}/"):
                continue
            changed.writestr(one, own)


def test_all_numbers_of_the_pages_are_computed_again(archived):
    found = states()
    assert {state for state, _ in found.values()} == {"ok"}, found
    assert "numbers, all of which match" in found[f"{FOLDER}/comparison.md"][1]
    assert "numbers, all of which match" in found[f"{FOLDER}/comparison.html"][1]
    for name in ("grey_levels", "lecture_cnn", "fully_connected"):
        assert f"{archived}, runs/{name}/evaluate/scores.json" in found
    assert "is in this repository" in found[f"{archived}, {RUN}/train/replicates.json"][1]


def test_the_pages_are_written_again_from_the_archive_without_training(archived):
    page = FOLDER / "comparison.md"
    written = page.read_text()
    page.write_text(written.replace("accuracy", "another word"))
    (FOLDER / "comparison.html").unlink()
    other_comparison.main("other", only_pages=True)
    assert page.read_text() == written
    assert {state for state, _ in states().values()} == {"ok"}
    assert {one.name: one.read_bytes() for one in (FOLDER / "comparison").iterdir()} == {
        one.name: one.read_bytes() for one in Path("reports/comparison").iterdir()
    }


def test_the_archive_has_neither_weights_nor_images_and_is_the_same_each_time(archived, tmp_path):
    with ZipFile(archived) as opened:
        names = opened.namelist()
    assert f"{RUN}/evaluate/predictions.npz" in names
    assert not [name for name in names if name.endswith((".h5", ".keras", "pixels.npy"))]
    archive_records(Path(), tmp_path / ARCHIVE)
    assert archived.read_bytes() == (tmp_path / ARCHIVE).read_bytes()


def test_a_changed_number_of_a_page_differs(archived):
    page = FOLDER / "comparison.md"
    score = re.search(r"0\.\d{3} ± ", page.read_text())[0]
    page.write_text(page.read_text().replace(score, "0.999 ± ", 1))
    (differing,) = [(name, one[1]) for name, one in states().items() if one[0] == "differs"]
    assert differing[0] == str(page) and "0.999" in differing[1]


def test_changed_records_differ(archived):
    scores = f"{RUN}/evaluate/scores.json"
    with ZipFile(archived) as opened:
        content = opened.read(scores).decode()
    rewritten(archived, scores, re.sub(r'"accuracy": 0\.\d+', '"accuracy": 0.5', content, count=1).encode())
    assert states()[f"{archived}, {scores}"][0] == "differs"


def test_a_changed_record_of_a_training_differs(archived):
    record = f"{RUN}/train/replicates.json"
    with ZipFile(archived) as opened:
        content = opened.read(record).decode()
    rewritten(archived, record, re.sub(r'"kept_accuracy": [\d.]+', '"kept_accuracy": 0.5', content, count=1).encode())
    assert states()[f"{archived}, {RUN}/train"][0] == "differs"


def test_damaged_records_of_one_model_do_not_hide_the_other_checks(archived):
    record = f"{RUN}/train/replicates.json"
    rewritten(archived, record, b"{")
    checks = list(archived_comparison(FOLDER))
    found = {check.subject: check for check in checks}
    line = found[f"{archived}, {record}"].line
    assert line.endswith(
        f"{record} is damaged or comes from another version. `git restore {FOLDER}` brings the committed files back."
    )
    assert found[f"{archived}, runs/grey_levels/evaluate/scores.json"].state == "ok"
    assert not any("/tmp" in check.line or "dvc repro" in check.line for check in checks)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_archive_is_one_sentence(archived, content):
    archived.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{archived} is damaged\. Restore it with Git\.$"):
        states()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sizes.json", b"[]"),
        ("sizes.json", b'{"runs/a": -1}'),
        ("data/prepared/manifest.json", b"{}"),
        ("conf/comparison.yaml", b"models: 3"),
        ("reports", b"a file"),
        ("data/prepared/manifest.json", b'{"images": 1000000000, "image_shape": [1000000000, 1000000000, 1]}'),
    ],
)
def test_an_archive_of_other_contents_is_damaged(archived, name, content):
    rewritten(archived, name, content)
    with pytest.raises(UserError, match=rf"^{archived} is damaged\. Restore it with Git\.$"):
        states()


def test_a_missing_page_is_one_sentence(archived):
    (FOLDER / "comparison.html").unlink()
    with pytest.raises(UserError, match=rf"^{FOLDER}/comparison\.html is missing\. Restore it with Git\.$"):
        states()


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "runs/../../outside"])
def test_no_file_is_written_outside_of_the_temporary_folder(archived, name):
    rewritten(archived, "sizes.json", f'{{"{name}": 3}}'.encode())
    with pytest.raises(UserError, match="is damaged"):
        states()
