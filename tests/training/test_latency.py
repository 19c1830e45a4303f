from types import SimpleNamespace

import pytest

from pipeline.data.splits import TEST
from pipeline.storage.files import read_json
from pipeline.training.examples import IMAGE_TO_CLASS, portion


@pytest.fixture(scope="module")
def latency(tensorflow):
    from pipeline.training import latency

    return latency


class Clock:
    """A clock that advances only when the network predicts."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


class TimedNetwork:
    """A network whose call takes a fixed time plus a time per image; each call may be slower by a factor."""

    def __init__(self, clock, *, overhead, per_image, factors):
        self.clock, self.overhead, self.per_image, self.factors = clock, overhead, per_image, iter(factors)
        self.batches = []

    def predict(self, batches, verbose):
        self.batches = [len(inputs) for inputs, _ in batches]
        self.clock.now += next(self.factors) * (self.overhead + self.per_image * sum(self.batches))


def test_seconds_per_image_are_the_median_of_the_repeats(latency, colour_images, monkeypatch):
    monkeypatch.setattr(latency, "time", clock := Clock())
    network = TimedNetwork(clock, overhead=0.0, per_image=0.5, factors=[99, 1, 26, 13])
    tested = portion(colour_images, 0, TEST, IMAGE_TO_CLASS)
    seconds = latency.seconds_per_image(network, tested, batch_size=3, repeats=3)
    assert network.batches == [3, 3, 3, 3, 1]
    assert seconds == pytest.approx(0.5 * 13)


def test_the_latency_of_a_small_test_set_is_not_the_overhead_of_a_call(latency, colour_images, monkeypatch):
    monkeypatch.setattr(latency, "time", clock := Clock())
    network = TimedNetwork(clock, overhead=0.05, per_image=0.001, factors=[99, 1])
    tested = portion(colour_images, 0, TEST, IMAGE_TO_CLASS)
    seconds = latency.seconds_per_image(network, tested, batch_size=128, repeats=1)
    assert network.batches == [128] * latency.TIMED_BATCHES
    # 13 images alone would take 0.063 s, 4.8 ms each.
    assert seconds == pytest.approx(0.001 + 0.05 / 512)


def test_latency_is_measured_with_two_replicates_and_written_for_all(latency, monkeypatch, tmp_path):
    """Fifty replicates have the same network; measuring each takes a minute per comparison."""
    loaded = []
    monkeypatch.setattr(latency, "read_prepared", lambda folder: None)
    monkeypatch.setattr(latency, "load_network", lambda architecture, seed: None)
    monkeypatch.setattr(latency.Columns, "of", lambda architecture: IMAGE_TO_CLASS)
    monkeypatch.setattr(latency, "load_trained_weights", lambda network, result: loaded.append(result))
    monkeypatch.setattr(latency, "portion", lambda prepared, replicate, part, columns: replicate)
    monkeypatch.setattr(latency, "seconds_per_image", lambda network, replicate, batch_size: 0.25 + replicate)
    tasks = [
        SimpleNamespace(
            architecture="",
            prepared=None,
            replicate=replicate,
            result=SimpleNamespace(latency=tmp_path / f"{replicate}.json"),
            training=SimpleNamespace(evaluation_batch_size=128),
        )
        for replicate in range(4)
    ]
    latency.measure_latency(tasks)
    assert loaded == [task.result for task in tasks[:2]]
    assert [read_json(task.result.latency)["seconds_per_image"] for task in tasks] == [0.75] * 4
