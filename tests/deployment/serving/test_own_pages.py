"""Which requests the server accepts: those of its own page and of programs, not those of other sites."""

import http.client
from urllib.parse import urlsplit

import pytest

from pipeline.deployment.serving.own_pages import ALLOWED_HOSTS
from tests.deployment.serving.conftest import picture

NAME = "pictures.example.org"


def status(server, method="POST", path="/classify", **headers):
    """The status of the reply to a request with these headers; `Host` is that of the server unless it is given."""
    address = urlsplit(server)
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=30)
    connection.request(method, path, picture(), {"Host": address.netloc} | headers)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    return reply.status


def test_programs_and_the_own_page_are_served(server):
    assert status(server) == 200
    assert status(server, Origin=server) == 200
    local = f"localhost:{urlsplit(server).port}"
    assert status(server, Host=local, Origin=f"http://{local}") == 200
    # A tunnel of SSH has another port on the user's machine.
    assert status(server, Host="localhost:9000", Origin="http://localhost:9000") == 200


@pytest.mark.parametrize(
    "host", ["", NAME, "127.0.0.1.example.org", "localhost.example.org:5001", "10.example.org", "[::2]"]
)
@pytest.mark.parametrize("path", ["/", "/classify", "/invocations", "/ping"])
def test_names_that_lead_here_from_elsewhere_are_refused(server, host, path):
    assert status(server, "GET" if path in ("/", "/ping") else "POST", path, Host=host) == 403


@pytest.mark.parametrize(
    "origin", ["https://example.org", "null", "", "http://localhost:1", "http://127.0.0.1", "file://"]
)
def test_pages_of_other_sites_cannot_send_pictures(server, origin):
    for path in ("/classify", "/explain", "/invocations"):
        assert status(server, path=path, Origin=origin) == 403


@pytest.fixture
def named(monkeypatch):
    """The server has a further name; this comes before `server`, which reads it."""
    monkeypatch.setenv(ALLOWED_HOSTS, f"{NAME}, *.example.net")


def test_a_further_name_can_be_allowed(named, server):
    assert status(server, Host=NAME, Origin=f"https://{NAME}") == 200
    assert status(server, Origin=f"https://{NAME}") == 200  # The web server in front of it may pass another host on.
    assert status(server, Host="a.example.net:8080") == 200
    assert status(server, Host="example.org") == 403
    assert status(server, Host=NAME, Origin="https://example.org") == 403
