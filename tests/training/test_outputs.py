import numpy as np
import pytest

from pipeline.data.splits import TEST, VALIDATION
from pipeline.errors import UserError
from pipeline.training.outputs import read_outputs, write_outputs

OUTPUTS = {
    TEST: [np.float32([[0.5], [0.25]]), np.float32([[0.5, 0.5], [1, 0]])],
    VALIDATION: [np.float32([[0.125]]), np.float32([[0, 1]])],
}


def test_outputs_are_read_as_they_were_written(tmp_path):
    write_outputs(tmp_path / "outputs.npz", OUTPUTS)
    read = read_outputs(tmp_path / "outputs.npz")
    assert read.keys() == OUTPUTS.keys()
    for part, outputs in OUTPUTS.items():
        for one, other in zip(read[part], outputs, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


def test_a_truncated_file_is_damaged(tmp_path):
    file = tmp_path / "outputs.npz"
    write_outputs(file, OUTPUTS)
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"outputs\.npz is damaged"):
        read_outputs(file)
