import pandas as pd
import pytest
from PIL import Image

from pipeline.deployment.loader import PictureFunction
from pipeline.deployment.picture_model import PictureModel


@pytest.fixture
def function(settings, brightest_quarter):
    return PictureFunction(PictureModel(settings, brightest_quarter))


@pytest.fixture
def pictures(training_pixels, tmp_path):
    """Three pictures as arrays, as paths and as the bytes of files."""
    arrays = list(training_pixels[:3])
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for array, path in zip(arrays, paths, strict=True):
        Image.fromarray(array[..., 0]).save(path)
    encoded = [(tmp_path / f"{number}.png").read_bytes() for number in range(3)]
    return {"arrays": arrays, "paths": paths, "bytes": encoded, "nested lists": [one.tolist() for one in arrays]}


@pytest.mark.parametrize("form", ["arrays", "paths", "bytes", "nested lists"])
def test_a_table_with_a_picture_per_row_gives_a_row_per_picture(function, pictures, form):
    answers = function.predict(pd.DataFrame({"picture": pictures[form]}))
    assert answers["class"].tolist() == ["upper left", "upper right", "lower left"]


@pytest.mark.parametrize("form", ["arrays", "paths", "bytes"])
def test_several_pictures_in_one_cell_are_several_pictures(function, pictures, form):
    """MLflow makes one row of the input {"picture": [...]}."""
    answers = function.predict(pd.DataFrame([{"picture": pictures[form]}]))
    assert answers["class"].tolist() == ["upper left", "upper right", "lower left"]
