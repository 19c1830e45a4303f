from subprocess import CompletedProcess

import pytest

from pipeline.training import devices


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """The GPUs of a machine with this many cards; `tensorflow` is the process that counts them, if it may run."""

    def found(*, cards, tensorflow, visible=None):
        def run(command, **options):
            assert tensorflow is not None, "importing TensorFlow takes seconds"
            return tensorflow

        for card in range(cards):
            (tmp_path / f"nvidia{card}").touch()
        (tmp_path / "nvidiactl").touch()
        monkeypatch.setattr(devices, "Path", lambda path: tmp_path)
        monkeypatch.setattr(devices.subprocess, "run", run)
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        devices.gpus.cache_clear()
        return devices.gpus()

    yield found
    devices.gpus.cache_clear()


def process_printing(count):
    return CompletedProcess([], 0, f"a greeting\n{count}\n", "")


def test_without_a_graphics_card_tensorflow_is_not_imported(gpus):
    assert gpus(cards=0, tensorflow=None) == ()


def test_a_card_that_tensorflow_cannot_use_does_not_count(gpus):
    assert gpus(cards=2, tensorflow=process_printing(0)) == ()
    assert gpus(cards=2, tensorflow=CompletedProcess([], 1, "", "ImportError")) == ()


def test_the_cards_that_tensorflow_can_use_are_numbered(gpus):
    assert gpus(cards=2, tensorflow=process_printing(2)) == ("0", "1")


@pytest.mark.parametrize(
    ("visible", "count", "names"), [("3,5", 2, ("3", "5")), ("GPU-8f3a", 1, ("GPU-8f3a",)), ("-1", 0, ()), ("", 0, ())]
)
def test_gpus_are_named_as_in_cuda_visible_devices(gpus, visible, count, names):
    assert gpus(cards=8, tensorflow=process_printing(count), visible=visible) == names
