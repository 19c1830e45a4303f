import base64

import numpy as np
import pytest

from pipeline.data.pictures.opening import Unreadable
from pipeline.deployment.sent_pictures import picture_array, picture_bytes, sent_picture


@pytest.mark.parametrize("start", ["", "data:image/png;base64,", "data:image/svg+xml;charset=utf-8;base64,"])
def test_base64_and_data_urls_give_the_bytes_of_the_file(start):
    content = bytes(range(256))
    assert picture_bytes(start + base64.encodebytes(content).decode()) == content


@pytest.mark.parametrize("text", ["/etc/passwd", "../model.json", "file:///etc/passwd", "data:image/png,abc", "a", "ü"])
def test_a_text_that_is_not_base64_is_refused(text):
    with pytest.raises(Unreadable, match="neither base64 nor a data URL"):
        picture_bytes(text)


def test_a_path_that_happens_to_be_base64_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "abcd").write_bytes(b"content")
    assert picture_bytes("abcd") == base64.b64decode("abcd")


def test_long_texts_are_shortened_in_messages():
    with pytest.raises(Unreadable) as refused:
        picture_bytes("?" * 1_000_000)
    assert len(str(refused.value)) < 200


def test_nested_lists_of_grey_levels_are_arrays():
    levels = picture_array([[0, 255.0], [1, 2]])
    assert levels.dtype == np.uint8 and levels.tolist() == [[0, 255], [1, 2]]
    assert picture_array([[[1, 2, 3]]]).shape == (1, 1, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "nested lists of the shape"),
        ([[1, 2], [3]], "rows of equal length"),
        ([["a"]], "numbers"),
        ([[None]], "numbers"),
        ([[]], "nested lists of the shape"),
        ([[[1, 2]]], "1, 3 or 4 channels"),
        ([[-1]], "integers from 0 to 255"),
        ([[256]], "256"),
        ([[0.5]], "not all of them integers"),
        ([[float("nan")]], "integers from 0 to 255"),
        ([[10**30]], "numbers"),
        ([[[[1]]]], "nested lists of the shape"),
    ],
)
def test_other_values_are_refused(values, message):
    with pytest.raises(Unreadable, match=message):
        picture_array(values)


@pytest.mark.parametrize("sent", [None, 5, {"path": "/etc/passwd"}, True])
def test_what_is_no_picture_is_refused(sent):
    with pytest.raises(Unreadable, match="neither base64 nor a data URL nor nested lists"):
        sent_picture(sent)
