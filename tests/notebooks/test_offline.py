"""Notebooks run with the network closed: a kernel whose sockets reach nothing but this machine."""

import os

import nbformat
import pytest
import stored
from nbformat.v4 import new_code_cell, new_notebook

from course_lib.authoring.execute import CellFailureError, execute
from course_lib.authoring.sources import ROOT

CLOSED = """
import socket

LOOPBACK = ("127.", "::1", "localhost")


def closed(name):
    inside = getattr(socket.socket, name)

    def guarded(self, address, *rest):
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(LOOPBACK):
            raise OSError(f"the network is closed in this test, asked for {address}")
        return inside(self, address, *rest)

    return guarded


class ClosedSocket(socket.socket):
    connect = closed("connect")
    connect_ex = closed("connect_ex")


def refused(host, *rest, **options):
    if host is not None and not str(host).startswith(LOOPBACK):
        raise OSError(f"the network is closed in this test, asked for {host}")
    return looked_up(host, *rest, **options)


looked_up = socket.getaddrinfo
socket.socket, socket.getaddrinfo = ClosedSocket, refused
"""


@pytest.fixture
def closed_network(tmp_path, monkeypatch):
    """Python processes started from here have no network."""
    (tmp_path / "sitecustomize.py").write_text(CLOSED)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), before])))
    return tmp_path


def one_cell(code):
    return new_notebook(cells=[new_code_cell(code)], metadata={"language_info": {"name": "python"}})


def chosen():
    """First and last lesson, and the last exercises with their solutions."""
    lessons = [path for path in stored.paths("notebooks") if path.name[:2].isdigit()]
    return sorted(
        {*lessons[:1], *lessons[-1:], *stored.paths("exercises")[-1:], *stored.paths("solutions")[-1:]}
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", chosen(), ids=stored.name)
def test_a_notebook_runs_offline(path, closed_network):
    execute(nbformat.read(path, as_version=4), path.parent)


@pytest.mark.parametrize(
    "code",
    [
        "import urllib.request\nurllib.request.urlopen('http://example.org', timeout=2)",
        "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=2)",
    ],
)
def test_the_network_is_closed(code, closed_network):
    with pytest.raises(CellFailureError, match="the network is closed in this test"):
        execute(one_cell(code), closed_network)


def test_this_machine_is_reached(closed_network):
    server = "import socket\nhere = socket.create_server(('127.0.0.1', 0))\n"
    execute(one_cell(server + "socket.create_connection(here.getsockname())"), ROOT)
