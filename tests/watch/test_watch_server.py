import http.client
import json

import pytest

from tests.watch.conftest import write_checkpoint, write_run


@pytest.fixture
def get(project, serving):
    """Request a path from the server, with any Host header."""
    write_run("cnn")
    (project / "secret.png").write_bytes(b"secret")

    def requested(path, host=None, method="GET"):
        with serving() as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.request(method, path, headers={"Host": host or f"127.0.0.1:{server.server_port}"})
            reply = connection.getresponse()
            body = reply.read()
            connection.close()
        return reply.status, reply.headers, body

    return requested


def test_the_page_loads_nothing_from_elsewhere(get):
    status, headers, page = get("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert b"http://" not in page.replace(b"http://www.w3.org/2000/svg", b"") and b"https://" not in page


def test_models_and_pictures_are_served(get):
    (listed,) = json.loads(get("/trainings")[2])
    assert (listed["model"], listed["state"]) == ("cnn", "finished")
    content = json.loads(get(f"/trainings/{listed['id']}")[2])
    assert content["version"] == listed["version"]
    for place in ("kernels/3", "maps/3", "image/0"):
        status, headers, body = get(f"/trainings/{listed['id']}/{place}")
        assert (status, headers["Content-Type"], body[:4]) == (200, "image/png", b"\x89PNG")


@pytest.mark.parametrize("host", ["example.org", "example.org:5002", "127.0.0.1", "localhost:1"])
def test_pages_of_other_servers_cannot_read_the_trainings(get, host):
    assert get("/trainings", host=host)[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/secret.png",
        "/../secret.png",
        "/%2e%2e/secret.png",
        "/trainings/..",
        "/trainings/f-cnn/..%2f..%2fsecret.png/1",
        "/trainings/f-cnn/image/../../secret.png",
        "/trainings/f-cnn/image/-1",
        "/trainings/f-cnn/image/99",
        "/trainings/f-cnn/weights/0",
        "/trainings/f-cnn/image/" + "9" * 5000,
        "/trainings/unknown",
        "/runs/cnn/train/replicates.json",
        "http://[::1",
    ],
)
def test_nothing_else_is_served(get, path):
    assert get(path)[0] == 404


def test_the_server_changes_nothing(get):
    for method in ("POST", "PUT", "DELETE"):
        assert get("/trainings", method=method)[0] == 501


def test_a_training_that_starts_later_appears(project, serving):
    with serving() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)

        def listed():
            connection.request("GET", "/trainings")
            return [model["model"] for model in json.loads(connection.getresponse().read())]

        assert listed() == []
        write_checkpoint("live", 1)
        assert listed() == ["live"]
