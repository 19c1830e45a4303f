"""Pictures in a table: each fault of a row is named with the number of the row that a spreadsheet shows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.data.sources import load_images, watched_files
from pipeline.errors import UserError


@pytest.fixture
def cells(tmp_path):
    """Four pictures in a folder beside the place of the table."""
    (tmp_path / "p").mkdir()
    for number in range(4):
        Image.new("L", (4, 4), 50 * number).save(tmp_path / "p" / f"{number}.png")
    return tmp_path


ROWS = "path,label\np/0.png,ok\np/1.png,crack\np/2.png,ok\np/3.png,ok\n"


def load(folder, text=ROWS, name="t.csv", **options):
    content = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(content)
    return load_images("table", {"path": str(folder / name), "size": 4, "channels": 1, **options})


def message(folder, text, **options):
    with pytest.raises(UserError) as caught:
        load(folder, text, **options)
    assert "\n" not in str(caught.value).split(":\n")[0].split(".\n")[0]
    return str(caught.value)


def test_labels_and_pixels_are_those_of_the_rows(cells):
    images = load(cells)
    assert images.classes == ("ok", "crack")  # the rarer class is the positive one
    assert images.labels.tolist() == [0, 1, 0, 0]
    assert images.pixels[:].reshape(4, -1)[:, 0].tolist() == [0, 50, 100, 150]
    assert images.names.tolist() == images.groups.tolist() == [f"p/{number}.png" for number in range(4)]


@pytest.mark.parametrize(
    "text",
    [
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        ROWS.replace("\n", "\r\n"),
        "\ufeff" + ROWS,
        ROWS.replace("p/", "p\\"),
        ROWS.replace("p/", "./p/../p/"),
        ROWS.replace("p/0.png", '"p/0.png"'),
        ROWS.replace("path,label", " path , label ").replace(",crack", ", crack "),
        ROWS.rstrip("\n"),
        ROWS + "\n\n",
    ],
    ids=["semicolons", "tabs", "crlf", "bom", "windows", "dots", "quotes", "spaces", "no-end", "blank-lines"],
)
def test_every_way_to_write_the_same_table_gives_the_same_images(cells, text):
    images, expected = load(cells, text), load(cells)
    assert images.names.tolist() == expected.names.tolist()
    assert images.labels.tolist() == expected.labels.tolist() and images.classes == expected.classes


def test_a_parquet_table_is_read_and_whole_numbers_are_labels(cells):
    table = pd.DataFrame({"path": [f"p/{number}.png" for number in range(4)], "label": [0.0, 1.0, 0.0, 0.0]})
    table.to_parquet(cells / "t.parquet")
    assert load_images("table", {"path": str(cells / "t.parquet")}).classes == ("0", "1")
    table["label"] = ["a", None, "b", "a"]
    table.to_parquet(cells / "t.parquet")
    with pytest.raises(UserError, match=r"row 2 \(p/1.png\): label is empty"):
        load_images("table", {"path": str(cells / "t.parquet")})


def test_absolute_paths_below_the_root_are_read(cells):
    images = load(cells, ROWS.replace("p/", f"{cells}/p/"))
    assert images.names.tolist()[0] == "p/0.png"


def test_a_picture_may_be_a_link_out_of_the_folder_as_dvc_makes_it(cells, tmp_path_factory):
    stored = tmp_path_factory.mktemp("cache") / "0.png"
    (cells / "p" / "0.png").rename(stored)
    (cells / "p" / "0.png").symlink_to(stored)
    assert len(load(cells).labels) == 4


FAULTS = {
    "p/9.png,ok": "row 6 (p/9.png): file does not exist",
    "p/0.png,ok": "row 6 (p/0.png): same picture as in row 2",
    "./p/0.png,ok": "row 6 (./p/0.png): same picture as in row 2",
    ",ok": "row 6 (no path): path is empty",
    "p/9.png,": "row 6 (p/9.png): label is empty",
    "p/9.png": "row 6 (p/9.png): label is empty",
    "../x.png,ok": "row 6 (../x.png): outside the folder of option 'root'",
    "p/../../x.png,ok": "row 6 (p/../../x.png): outside the folder of option 'root'",
    "/etc/passwd,ok": "row 6 (/etc/passwd): outside the folder of option 'root'",
    r"C:\cells\0.png,ok": r"row 6 (C:\cells\0.png): outside the folder of option 'root'",
    "p,ok": "row 6 (p): not a file",
    "a\0b.png,ok": r"row 6 (a\x00b.png): ",
    f"{'n' * 300}.png,ok": f"row 6 ({'n' * 300}.png): File name too long",
}


@pytest.mark.parametrize("row", FAULTS)
def test_a_faulty_row_is_named_with_number_and_reason(cells, row):
    assert FAULTS[row] in message(cells, ROWS + row + "\n")
    images = load(cells, ROWS + row + "\n", unreadable="skip")
    assert len(images.labels) == 4 and FAULTS[row].startswith(images.skipped[0].name)


def test_blank_lines_do_not_change_the_numbers_of_rows(cells):
    assert "row 5 (p/9.png)" in message(cells, "path,label\n\n\np/0.png,ok\np/9.png,ok\n")


def test_all_faulty_rows_are_in_one_message(cells):
    said = message(cells, ROWS + "".join(f"p/{number}.png,ok\n" for number in range(10, 30)))
    assert said.startswith("20 of 24 rows of table ") and "\n  and 10 more" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"path,label\n", "has no rows"),
        (b"path,label\n,\n", "has no rows"),
        (b"path,path,label\na,b,c\n", "has two columns 'path'"),
        (b"path,label\na,b\na,b,c\n", "Row 3 of table"),
        (b'path;label\n"a\na";b\na;b;c;d;e\n', "has 5 cells, but the header has 2"),
        (b"\xff\xfep\0a\0", "must be encoded in UTF-8"),
        ("path,label\np/0.png,Bräm".encode("latin-1"), "must be encoded in UTF-8"),
        (b'path,label\n"p/0.png,ok\n', "cannot be read"),
        (b"\0\0\0\0", "has no rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_a_reason(cells, content, words):
    assert words in message(cells, content)


def test_a_damaged_parquet_file_is_refused(cells):
    (cells / "t.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    with pytest.raises(UserError, match="cannot be read"):
        load_images("table", {"path": str(cells / "t.parquet")})


def test_a_spreadsheet_is_refused_with_advice(cells):
    (cells / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match="save it as CSV"):
        load_images("table", {"path": str(cells / "t.xlsx")})


def test_an_unknown_column_is_refused_with_the_closest_one(cells):
    assert "Unknown column of table" in message(cells, ROWS, label="labels")
    assert "Did you mean 'label'?" in message(cells, ROWS, label="labels")


def test_words_for_missing_values_are_classes_and_leading_zeros_stay(cells):
    assert load(cells, ROWS.replace("crack", "NA")).classes == ("ok", "NA")
    assert load(cells, ROWS.replace("crack", "00").replace("ok", "0")).classes == ("0", "00")


@pytest.mark.parametrize("name", ["<b>x</b>", "a|b", "a/b", "x" * 300, "..", "no\nyes", "ñ", "日本", "*"])
def test_a_class_may_have_any_name(cells, name):
    classes = load(cells, ROWS.replace("crack", f'"{name}"')).classes
    assert classes == ("ok", name.replace("\n", r"\n"))


def test_further_columns_become_groups_parts_weights_and_numbers(cells):
    rows = ["path,label,who,part,w,age", "p/0.png,ok,a,train,1,30", "p/1.png,crack,a,Train,2,40"]
    rows += ["p/2.png,ok,b,test,0.5,50", "p/3.png,crack,b,TEST,1,60"]
    images = load(cells, "\n".join(rows), group="who", split="part", weight="w", numbers=["age"], subgroup="who")
    assert images.groups.tolist() == images.subgroups.tolist() == ["a", "a", "b", "b"]
    assert images.test.tolist() == [False, False, True, True] and images.validation is None
    np.testing.assert_array_equal(images.weights, np.float32([1, 2, 0.5, 1]))
    np.testing.assert_array_equal(images.numbers, np.float32([[30], [40], [50], [60]]))
    assert images.number_names == ("age",)


@pytest.mark.parametrize(
    ("column", "options", "words"),
    [
        (["a", "b", "", "d"], {"group": "x"}, "is empty in 1 rows, first in row 4"),
        (["1", "2", "x", "4"], {"numbers": ["x"]}, "numbers with a decimal point, up to 1e+18. Received 'x' in row 4"),
        (["1", "2", "", "4"], {"numbers": ["x"]}, "with a decimal point, up to 1e+18. Received '' in row 4"),
        (["1", "inf", "3", "4"], {"numbers": ["x"]}, "Received 'inf' in row 3"),
        (["1", "-2", "3", "4"], {"weight": "x"}, "decimal point, from 0 to 1e+18. Received '-2' in row 3"),
        (["train", "test", "other", "train"], {"split": "x"}, "'other' are not"),
        (["a", "b", "a", "b"], {"split": "x"}, "must hold a split: train, test"),
        (["val", "test", "val", "test"], {"split": "x"}, "must be the training set"),
    ],
)
def test_a_faulty_value_of_another_column_is_named_with_its_row(cells, column, options, words):
    lines = ROWS.splitlines()
    text = "\n".join(f"{line},{value}" for line, value in zip(lines, ["x", *column], strict=True))
    assert words in message(cells, text, **options)


def test_the_table_and_its_pictures_are_watched(cells):
    load(cells, ROWS + "p/9.png,ok\n", unreadable="skip")
    watched = watched_files("table", {"path": str(cells / "t.csv"), "size": 4})
    assert [Path(file).name for file, _, _ in watched] == ["t.csv", "0.png", "1.png", "2.png", "3.png"]
    assert watched_files("table", {"path": str(cells / "absent.csv")}) == []


def test_a_parquet_table_with_texts_that_are_not_utf_8_is_refused(cells):
    broken = pa.array([b"\xff.png", b"p/0.png"]).view(pa.string())
    pq.write_table(pa.table({"path": broken, "label": ["a", "b"]}), cells / "t.parquet")
    with pytest.raises(UserError, match="must be encoded in UTF-8"):
        load_images("table", {"path": str(cells / "t.parquet")})


@pytest.mark.parametrize("value", ["1e300", "-1e19", "1e39"])
def test_numbers_beyond_single_precision_are_refused(cells, value):
    text = ROWS.replace("label", "label,x").replace("ok\n", "ok,1\n").replace("crack\n", f"crack,{value}\n", 1)
    text = text.replace("crack\n", "crack,1\n")
    assert f"up to 1e+18. Received '{value}' in row 3" in message(cells, text, numbers=["x"])


def test_weights_that_are_all_zero_are_refused(cells):
    text = ROWS.replace("label", "label,w").replace("ok\n", "ok,0\n").replace("crack\n", "crack,0\n")
    assert "All weights in column 'w'" in message(cells, text, weight="w")


def test_a_class_whose_pictures_are_all_missing_is_not_left_out_silently(cells):
    assert "No picture of 'dent' in table" in message(cells, ROWS + "p/9.png,dent\n", unreadable="skip")


def test_columns_of_lists_are_no_numbers(cells):
    table = {"path": ["p/0.png", "p/1.png"], "label": ["a", "b"], "x": [[1, 2], [3]]}
    pq.write_table(pa.table(table), cells / "t.parquet")
    with pytest.raises(UserError, match="must hold numbers with"):
        load_images("table", {"path": str(cells / "t.parquet"), "numbers": ["x"]})
