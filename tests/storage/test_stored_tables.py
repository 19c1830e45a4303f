import pytest

from pipeline.errors import UserError
from pipeline.storage.stored_tables import read_table


def test_a_table_is_read(tmp_path):
    file = tmp_path / "history.csv"
    file.write_text("epoch,loss\n1,0.5\n")
    assert read_table(file, "epoch").to_dict("list") == {"epoch": [1], "loss": [0.5]}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", bytes(range(256)), b"loss\n0.5\n", b'epoch,"loss\n1,0.5\n'])
def test_a_damaged_table_is_named(tmp_path, content):
    file = tmp_path / "history.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"history\.csv is damaged or comes from another version\. Delete it and run"):
        read_table(file, "epoch", "loss")
