"""Connecting to Ray, without a cluster."""

import socket

import pytest

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


def test_a_pool_reports_an_unreachable_head_before_anything_trains(nobody):
    with training_pool("ray", RayConfig(nobody)) as pool, pytest.raises(UserError, match=rf"^Cannot connect.*{nobody}"):
        pool.parallel(3, 1)


def test_without_trainings_no_cluster_is_needed(nobody):
    with training_pool("ray", RayConfig(nobody), needed=False) as pool:
        assert isinstance(pool, RayPool)
        assert pool.parallel(0, 1) == 1
        pool.train([], on_progress=lambda progress: None)
