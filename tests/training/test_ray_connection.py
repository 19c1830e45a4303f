"""Connecting to Ray, without a cluster."""

import socket

import pytest

from pipeline.config.reading import read
from pipeline.config.schema import RayConfig
from pipeline.errors import UserError
from pipeline.training.pools import RayPool, training_pool
from pipeline.training.ray_connection import connect_to_ray


@pytest.fixture
def nobody():
    """An address where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_an_unreachable_head_is_reported_at_once(nobody):
    with pytest.raises(UserError, match=rf"^Cannot connect to Ray at {nobody} \(.*refused\)\. Start the cluster with"):
        connect_to_ray({"address": nobody})


@pytest.mark.parametrize("host", ["a..b", ".x", "x" * 64])
def test_a_name_that_no_machine_can_have_is_reported(host):
    with pytest.raises(UserError, match=rf"^Cannot connect to Ray at .* \('{host}' cannot be the name of a machine\)"):
        connect_to_ray({"address": f"{host}:80"})


@pytest.mark.parametrize("address", ["[::1]:6379", "ray://[::1]:6379"])
def test_an_address_of_ipv6_is_used_without_its_brackets(address, monkeypatch):
    def connect(place, timeout):
        raise OSError(f"no answer of {place}")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(UserError, match=r"no answer of \('::1', 6379\)"):
        connect_to_ray({"address": address})


def test_the_message_about_an_address_has_an_example_and_no_regular_expression():
    with pytest.raises(UserError) as error:
        read(RayConfig, {"address": "head"}, "ray")
    assert str(error.value) == (
        "`ray.address` must be HOST:PORT such as head:6379, or auto, in conf/config.yaml. Received 'head'."
    )


def test_a_pool_reports_an_unreachable_head_before_anything_trains(nobody):
    with training_pool("ray", RayConfig(nobody)) as pool, pytest.raises(UserError, match=rf"^Cannot connect.*{nobody}"):
        pool.parallel(3, 1)


def test_without_trainings_no_cluster_is_needed(nobody):
    with training_pool("ray", RayConfig(nobody), needed=False) as pool:
        assert isinstance(pool, RayPool)
        assert pool.parallel(0, 1) == 1
        pool.train([], on_progress=lambda progress: None)
