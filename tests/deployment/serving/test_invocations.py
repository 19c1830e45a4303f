import base64
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.deployment.serving import error_replies, invocations
from pipeline.deployment.serving.error_replies import Refused
from pipeline.deployment.serving.invocations import LARGEST_TABLE, MOST_PICTURES, check_parquet, uniform_body

TEXT = base64.b64encode(b"a picture").decode()


@pytest.fixture(autouse=True)
def request_context():
    token = error_replies._refusals.set([])
    yield
    error_replies._refusals.reset(token)


def table(*pictures):
    return {"dataframe_split": {"columns": ["picture"], "data": [[one] for one in pictures]}}


def uniform(content):
    return json.loads(uniform_body(json.dumps(content).encode()))


@pytest.mark.parametrize(
    "content",
    [
        {"instances": [TEXT, TEXT]},
        {"inputs": [TEXT, f"data:image/png;base64,{TEXT}"]},
        {"inputs": {"picture": [TEXT, TEXT]}},
        {"instances": [{"picture": TEXT}, {"picture": TEXT}]},
        {"dataframe_records": [{"picture": TEXT}, {"picture": TEXT}]},
        {"dataframe_split": {"columns": ["picture"], "data": [[TEXT], [TEXT]]}},
    ],
)
def test_every_form_of_mlflow_becomes_one(content):
    assert uniform(content) == {**table(TEXT, TEXT), "params": {"error_rate": 0.0}}


def test_parameters_are_kept():
    assert uniform({"inputs": TEXT, "params": {"error_rate": 0.1}}) == {**table(TEXT), "params": {"error_rate": 0.1}}


def test_grey_levels_of_different_sizes_keep_their_values():
    grey, colour = np.arange(12).reshape(3, 4), np.arange(60).reshape(4, 5, 3)
    sent = uniform({"instances": [grey.tolist(), grey[..., np.newaxis].tolist(), colour.tolist()]})
    pictures = [row[0] for row in sent["dataframe_split"]["data"]]
    for sent, expected in zip(pictures, (grey, grey, colour), strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(sent)))), expected)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"instances": [' + b"9" * 10_000 + b"]}", "not valid JSON"),
        (b"[1, 2]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"{}", "has 0 of the fields"),
        (b'{"instances": ["YWE="], "params": 3}', "`params` must be an object"),
        (b'{"instances": ["YWE="], "params": {"errors": 0.1}}', "`params` must be an object"),
        (b'{"instances": ["YWE="], "params": {"error_rate": "x"}}', "`error_rate` must be a number"),
        (b'{"instances": ["YWE="], "params": {"error_rate": ' + b"9" * 400 + b"}}", "`error_rate` must be a number"),
        (b'{"instances": ["YWE="], "params": {"error_rate": NaN}}', "`error_rate` must be a number"),
        (b'{"instances": ["YWE="], "params": []}', "`params` must be an object"),
        (b'{"instances": ["YWE="], "inputs": ["YWE="]}', "has 2 of the fields"),
        (b'{"instances": []}', "contains no picture"),
        (b'{"instances": 5}', "must be a JSON object"),
        (b'{"dataframe_split": []}', "must be a JSON object"),
        (b'{"dataframe_records": {"picture": "YWE="}}', "must be a JSON object"),
        (b'{"instances": ["YWE=", "/etc/passwd"]}', "Picture 2 of 2: '/etc/passwd' is neither"),
        (b'{"instances": [{}]}', "Picture 1 of 1"),
        (b'{"instances": [[[1, 2], [3]]]}', "Picture 1 of 1: grey levels"),
        (b'{"instances": [[[[1, 2]]]]}', r"Picture 1 of 1: the shape \(1, 1, 2\)"),
    ],
)
def test_unusable_bodies_are_refused_in_one_sentence(body, message):
    with pytest.raises(Refused, match=message):
        uniform_body(body)


def test_too_many_pictures_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(invocations, "sent_picture", lambda _: pytest.fail("a picture was read"))
    content = {"instances": [""] * (MOST_PICTURES + 1)}
    with pytest.raises(Refused, match=r"1,001 pictures; at most 1,000 are accepted"):
        uniform(content)


def parquet(pictures):
    file = io.BytesIO()
    pd.DataFrame({"picture": pictures}).to_parquet(file)
    return file.getvalue()


def test_a_small_parquet_file_that_becomes_a_large_table_is_refused():
    check_parquet(parquet([TEXT] * MOST_PICTURES))
    with pytest.raises(Refused, match="1,000,000 pictures; at most 1,000"):
        check_parquet(parquet([TEXT] * 1_000_000))
    large = parquet(["A" * (LARGEST_TABLE + 1)])
    assert len(large) < LARGEST_TABLE / 10
    with pytest.raises(Refused, match="at most 64 MiB are accepted"):
        check_parquet(large)
    for damaged in (b"PAR1", parquet([TEXT])[:-8]):
        with pytest.raises(Refused, match="not in the form of its content type"):
            check_parquet(damaged)
