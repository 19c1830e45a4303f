import base64
import io
import socket
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
from PIL import Image

from pipeline.deployment.serving import request_limits
from pipeline.deployment.serving.request_limits import LARGEST_BODY
from tests.deployment.serving.conftest import SIDE, encoded, picture, post, refusal


def bomb(side):
    """A PNG file of a few kB that states side × side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(side + 1) * 100)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def test_the_page_loads_nothing_from_elsewhere(server):
    reply = requests.get(server, timeout=10)
    assert reply.text == "<title>page</title>"
    assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_a_picture_gets_its_class_with_all_probabilities(server):
    content = post(f"{server}/classify", picture(left=204)).json()
    assert content["class"] == "bright" and not content["abstains"] and content["flags"] == []
    assert content["confidence"] == pytest.approx(0.8)
    assert [one["class"] for one in content["probabilities"]] == ["bright", "dark"]
    assert [one["probability"] for one in content["probabilities"]] == pytest.approx([0.8, 0.2])
    seen = Image.open(io.BytesIO(base64.b64decode(content["picture"].partition(",")[2])))
    assert np.asarray(seen).shape == (SIDE, SIDE) and np.asarray(seen)[0, 0] == 204


def test_a_picture_unlike_the_training_images_is_flagged(server):
    red = np.zeros((SIDE, SIDE, 3), np.uint8)
    red[:, : SIDE // 2, 0] = 255
    assert "a colour picture" in " ".join(post(f"{server}/classify", encoded(red)).json()["flags"])


def test_a_low_confidence_abstains_for_the_wanted_error_rate(server):
    for left, abstains in ((204, True), (255, False)):
        content = post(f"{server}/classify?error_rate=0.01", picture(left=left)).json()
        assert content["abstains"] is abstains


def test_the_explanation_is_where_the_network_looks(server, monkeypatch):
    content = post(f"{server}/explain", picture(left=255, right=255)).json()
    drop = np.array(content["drop"])
    assert content["class"] == "bright" and drop.shape == (SIDE, SIDE)
    assert (drop[:, :4] > 0).all() and (drop[:, -3:] == 0).all()


@pytest.mark.parametrize("address", ["classify", "explain"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body is empty"),
        (b"text", "cannot be read"),
        (b"/etc/passwd", "cannot be read"),
        (picture()[:60], "cannot be read"),
        (bomb(20_000), "20,000 × 20,000 pixels exceed"),
    ],
)
def test_an_unusable_picture_is_refused(server, address, body, message):
    assert message in refusal(post(f"{server}/{address}", body), 400)


@pytest.mark.parametrize("rate", ["2", "0", "-1", "nan", "x", "1e999"])
def test_an_error_rate_outside_0_to_1_is_refused(server, rate):
    assert "error rate must be" in refusal(post(f"{server}/classify?error_rate={rate}", picture()), 400)


def test_other_addresses_and_methods_are_refused(server):
    assert "nothing at /../x" in refusal(requests.get(f"{server}/%2e%2e/x", timeout=10), 404)
    assert "does not accept GET" in refusal(requests.get(f"{server}/classify", timeout=10), 405)


@pytest.mark.parametrize("chunked", [False, True])
def test_50_mb_of_noise_are_refused_after_they_are_read(server, chunked):
    noise = np.random.default_rng(0).bytes(50_000_000)
    body = (noise[start : start + 2**20] for start in range(0, len(noise), 2**20)) if chunked else noise
    assert "at most 32 MiB" in refusal(post(f"{server}/classify", body), 413)
    assert post(f"{server}/classify", picture()).ok


def test_a_stated_size_beyond_all_limits_is_refused_without_reading(server):
    with socket.create_connection((urlsplit(server).hostname, urlsplit(server).port), timeout=10) as client:
        client.sendall(b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        assert b"413" in client.recv(100)


def test_bodies_of_all_requests_together_are_limited(server, monkeypatch):
    monkeypatch.setattr(request_limits, "IN_MEMORY", 1000)
    assert "busy" in refusal(post(f"{server}/classify", bytes(2000)), 503)
    monkeypatch.undo()
    assert post(f"{server}/classify", picture()).ok


def test_the_memory_of_finished_requests_is_given_back(server, monkeypatch):
    monkeypatch.setattr(request_limits, "IN_MEMORY", LARGEST_BODY // 1000)
    for _ in range(5):
        refusal(post(f"{server}/classify", bytes(20_000)), 400)


def test_an_unexpected_failure_is_reported_without_its_text_and_the_server_lives(server, network):
    network.failure = RuntimeError("secret /path")
    assert "secret" not in refusal(post(f"{server}/classify", picture()), 500)
    network.failure = None
    assert post(f"{server}/classify", picture()).ok


def test_a_slow_body_is_refused_and_gives_its_memory_back(server, monkeypatch):
    monkeypatch.setattr(request_limits, "RECEIVING", 0.2)
    monkeypatch.setattr(request_limits, "IN_MEMORY", 5000)
    place = urlsplit(server)
    with socket.create_connection((place.hostname, place.port), timeout=10) as client:
        client.sendall(b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n" + bytes(4900))
        assert b"408" in client.recv(100)
        assert post(f"{server}/classify", picture()).ok


def test_json_is_read_for_one_request_at_a_time(server, monkeypatch):
    reading, most = [], []

    def slow(body):
        reading.append(body)
        most.append(len(reading))
        time.sleep(0.02)
        reading.pop()
        return body

    monkeypatch.setattr(request_limits, "uniform_body", slow)
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda _: post(f"{server}/invocations", b"{}", "application/json"), range(8)))
    assert most == [1] * 8


def test_a_client_that_leaves_in_the_middle_does_not_hurt(server):
    place = urlsplit(server)
    for sent in (b"", b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\nabc"):
        for _ in range(20):
            with socket.create_connection((place.hostname, place.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not close
                client.sendall(sent)
    assert post(f"{server}/classify", picture()).ok


def test_a_client_that_leaves_before_the_reply_does_not_hurt(server, network):
    network.seconds = 0.2
    for _ in range(3):
        with pytest.raises(requests.Timeout):
            requests.post(f"{server}/classify", data=picture(), timeout=0.05)
    network.seconds = 0
    assert post(f"{server}/classify", picture()).ok


def test_requests_at_the_same_time_get_their_own_answers(server, network):
    network.seconds = 0.002
    levels = list(range(0, 256, 4))
    with ThreadPoolExecutor(16) as clients:
        replies = list(clients.map(lambda level: post(f"{server}/classify", picture(left=level)).json(), levels))
    bright = [one["probability"] for reply in replies for one in reply["probabilities"] if one["class"] == "bright"]
    assert bright == pytest.approx([level / 255 for level in levels], abs=1e-6)


def test_no_more_requests_are_computed_at_a_time_than_there_are_cores(server, network, monkeypatch):
    monkeypatch.setattr("pipeline.deployment.serving.picture_routes.TURNS", threading.BoundedSemaphore(1))
    network.seconds = 0.02
    with ThreadPoolExecutor(8) as clients:
        assert all(clients.map(lambda _: post(f"{server}/classify", picture()).ok, range(16)))
    assert network.most == 1


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_other_formats_and_sizes_are_accepted(server, kind):
    assert post(f"{server}/classify", encoded(np.full((70, 50, 3), 250, np.uint8), kind)).json()["class"] == "bright"
