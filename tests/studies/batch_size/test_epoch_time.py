from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.networks.build import build
from pipeline.studies.batch_size import epoch_time


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_larger_batches_of_tiny_images_take_less_processor_time(monkeypatch):
    images = np.random.default_rng(0).integers(256, size=(600, 4, 4, 1)).astype(np.uint8)
    prepared = SimpleNamespace(
        pixels=images,
        labels=np.arange(600) % 3,
        manifest={"replicates": [{"mean": [127.5], "standard_deviation": [74.0]}]},
        indices=lambda replicate, part: np.arange(600),
    )
    monkeypatch.setattr(epoch_time, "read_prepared", lambda folder: prepared)
    architecture = build("logistic", {}, input_shape=(4, 4, 1), classes=3).to_json()
    trained = SimpleNamespace(prepared="", tasks=(SimpleNamespace(replicate=0, architecture=architecture),))
    seconds = epoch_time.epoch_seconds(trained, [2, 100], rounds=2)
    assert 0 < seconds[100] < seconds[2]
