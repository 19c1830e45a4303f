"""Exports are measured beside the original: values by hand, and formats that fail."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.data.splits import TEST, TRAIN, VALIDATION
from pipeline.deployment import export_measurements
from pipeline.deployment.export_measurements import Images, compared, export_all, images_for_exports, latencies
from pipeline.deployment.exports import Format

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)


def constant(*rows):
    """A network that gives the image whose first pixel is 4 n the outputs `rows[n]`."""
    return lambda pixels: np.array([rows[int(image.flat[0]) // 4] for image in pixels], np.float32)


def test_accuracy_difference_and_changed_classes_are_those_by_hand():
    original = constant((0.75, 0.25), (0.5, 0.5), (0.25, 0.75))
    exported = constant((0.75, 0.25), (0.25, 0.75), (0.75, 0.25))
    own, found = compared(original, {"other": exported}, PIXELS, np.array([0, 1, 1]), np.array([0, 1, 2]))
    assert own[:3] == (pytest.approx(2 / 3), 0.0, 0)
    assert found["other"][:3] == (pytest.approx(2 / 3), 0.5, 2)


def test_the_single_output_of_two_classes_counts_as_the_probability_of_the_second():
    own, found = compared(
        constant((0.2,), (0.6,), (0.7,)),
        {"other": constant((0.2,), (0.4,), (0.7,))},
        PIXELS,
        np.array([0, 1, 1]),
        np.array([1, 2]),
    )
    assert (own.accuracy, found["other"].accuracy, found["other"].changed) == (1.0, 0.5, 1)
    assert found["other"].difference == pytest.approx(0.2)


def test_each_round_times_every_network_once_after_an_untimed_call(monkeypatch):
    calls = []
    clock = iter(range(1000))
    monkeypatch.setattr(export_measurements.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(export_measurements, "ROUNDS", 2)
    networks = {name: lambda pixels, name=name: calls.append((name, len(pixels))) for name in ("a", "b")}
    seconds = latencies(networks, np.zeros((64, 2, 2, 1), np.uint8))
    one_round = [(name, size) for size in (1, 64) for name in "ab" for _ in range(2)]
    assert calls == 2 * one_round
    assert seconds == {"a": {1: 1, 64: 1}, "b": {1: 1, 64: 1}}


def test_slow_networks_are_timed_in_fewer_rounds(monkeypatch):
    clock = iter(range(0, 10000, 60))
    monkeypatch.setattr(export_measurements.time, "perf_counter", lambda: next(clock))
    calls = []
    latencies({"slow": lambda pixels: calls.append(len(pixels))}, np.zeros((64, 2, 2, 1), np.uint8))
    assert len(calls) == export_measurements.LEAST_ROUNDS * 2 * 2


def failing(*_):
    raise RuntimeError("no such\noperation")


def test_a_format_that_fails_is_named_with_its_reason_and_leaves_no_file(tmp_path, monkeypatch):
    def write(network, target, sample):
        target.write_bytes(b"12345")

    same = constant((0.75, 0.25), (0.5, 0.5), (0.25, 0.75))
    formats = {
        "unwritable": Format("a.bin", "none", (), "", failing, failing),
        "unloadable": Format("b.bin", "none", (), "", write, failing),
        "unusable": Format("c.bin", "none", (), "", write, lambda file: failing),
        "good": Format("d.bin", "a runtime", (), "", write, lambda file: same),
    }
    for module in ("export_measurements", "exports"):
        monkeypatch.setattr(f"pipeline.deployment.{module}.FORMATS", formats)
    images = Images(PIXELS, np.array([0, 1, 1]), np.array([0, 1, 2]), np.array([0]), True)
    said = []
    own, found = export_all(
        SimpleNamespace(predict_on_batch=same), list(formats), tmp_path, images, progress=said.append
    )
    assert said == list(formats)
    for name in ("unwritable", "unloadable", "unusable"):
        assert (found[name].problem, found[name].measured) == ("RuntimeError: no such operation", None)
    assert [file.name for file in tmp_path.iterdir()] == ["d.bin"]
    assert (found["good"].size, found["good"].problem, found["good"].measured.changed) == (5, "", 0)
    assert own.accuracy == pytest.approx(2 / 3)


def prepared(*splits):
    splits = np.array(splits, np.uint8)
    return SimpleNamespace(
        pixels=np.zeros((splits.shape[1], 1, 1, 1), np.uint8),
        labels=np.zeros(splits.shape[1], np.int64),
        splits=splits,
        indices=lambda replicate, part: np.flatnonzero(splits[replicate] == part),
    )


def test_exports_are_compared_on_validation_images_and_quantised_with_training_images():
    images = images_for_exports(prepared([TRAIN, VALIDATION, TEST, TRAIN]), [0])
    assert (images.compared.tolist(), images.training.tolist(), images.unseen) == ([1], [0, 3], True)


def test_exports_of_an_ensemble_are_compared_on_common_test_images_if_it_has_no_common_validation_images():
    images = images_for_exports(prepared([TRAIN, VALIDATION, TEST], [VALIDATION, TRAIN, TEST]), [0, 1])
    assert (images.compared.tolist(), images.unseen) == ([2], True)


def test_exports_of_an_ensemble_that_has_seen_every_image_are_compared_on_validation_images_of_its_first_replicate():
    images = images_for_exports(prepared([TRAIN, VALIDATION, TEST], [VALIDATION, TRAIN, TRAIN], [TRAIN] * 3), [0, 1, 2])
    assert (images.compared.tolist(), images.unseen) == ([1], False)
