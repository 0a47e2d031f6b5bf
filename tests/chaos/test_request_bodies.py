"""Bodies that come drop by drop, never end, or are too large: nobody else waits for them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import seed_data
from tests.live_server import LiveServer
from tests.phone_client import PhoneClient
from tests.wait_for import wait_for

GIGABYTE = 2**30
CHUNK = b"x" * 65536
MAX_MEMORY_MB = 50
"""So much may a server grow, whatever it is sent."""

SLOW_CONNECTIONS = 24
"""Three times as many as there are threads."""


def request_head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


@contextmanager
def open_request(live: LiveServer, said: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as line:
        line.sendall(said)
        yield line


def resident_memory_mb(live: LiveServer) -> float:
    assert live.process is not None
    status = Path(f"/proc/{live.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def has_no_response(line: socket.socket) -> bool:
    """Whether nothing was answered so far, and the line is not shut either."""
    line.setblocking(False)
    try:
        return not line.recv(1, socket.MSG_PEEK) and False
    except BlockingIOError:
        return True
    finally:
        line.settimeout(20)


def send_until_blocked(line: socket.socket, piece: bytes) -> int:
    """Sends the same until the other side has had enough, or a gigabyte has gone: bytes sent."""
    sent = 0
    while sent < GIGABYTE and has_no_response(line):
        try:
            line.sendall(piece)
        except OSError:
            break
        sent += len(piece)
    return sent


@pytest.mark.asvs("5.2.1", "15.2.2")
def test_who_speaks_drop_by_drop_holds_up_nobody(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    phone = enrol_client(small_server.start())
    path, token = f"/sync/{seed_data.HOME_SITE}/push", f"Authorization: Bearer {phone.token}"
    whole = request_head(path, token, "Content-Type: application/json", "Content-Length: 5000")
    with ExitStack() as open_:
        bodies = [
            open_.enter_context(open_request(small_server, whole + b"{"))
            for _ in range(SLOW_CONNECTIONS)
        ]
        heads = [
            open_.enter_context(open_request(small_server, whole[:40]))
            for _ in range(SLOW_CONNECTIONS)
        ]
        for number in range(4):
            assert phone.send_op("task.complete", seed_data.TASKS[number], by=seed_data.ANA)
            assert small_server.is_healthy()
            for line in bodies + heads:
                line.sendall(b" " if line in bodies else b"x")
        assert all(map(has_no_response, bodies + heads)), (
            "they were still speaking when we were done"
        )


def test_who_does_not_listen_holds_up_nobody(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    phone = enrol_client(small_server.start())
    path, token = f"/sync/{seed_data.HOME_SITE}/pull", f"Authorization: Bearer {phone.token}"
    asked = request_head(path, token, "Content-Length: 29") + b'{"cursor":null,"limit":500}  '
    with ExitStack() as open_:
        for _ in range(SLOW_CONNECTIONS):
            line = open_.enter_context(open_request(small_server, asked * 20))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        assert (
            phone.send_op("task.complete", seed_data.TASK, by=seed_data.ANA)["status"] == "applied"
        )
        assert small_server.is_healthy()


@pytest.mark.parametrize("path", ["/sync/{site}/push", "/sign-in", "/healthz"])
@pytest.mark.asvs("5.2.1")
def test_a_body_of_a_gigabyte_is_refused_before_it_comes(
    small_server: LiveServer, path: str
) -> None:
    small_server.start()
    before = resident_memory_mb(small_server)
    declared = request_head(path.format(site=seed_data.HOME_SITE), f"Content-Length: {GIGABYTE}")
    with open_request(small_server, declared) as line:
        assert line.recv(12) == b"HTTP/1.1 413"
    assert resident_memory_mb(small_server) - before < MAX_MEMORY_MB


def test_a_body_that_never_ends_is_cut_off(small_server: LiveServer) -> None:
    small_server.start()
    before = resident_memory_mb(small_server)
    endless = request_head(f"/sync/{seed_data.HOME_SITE}/push", "Transfer-Encoding: chunked")
    with open_request(small_server, endless) as line:
        sent = send_until_blocked(line, b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
        assert sent < GIGABYTE / 8
    assert resident_memory_mb(small_server) - before < MAX_MEMORY_MB
    wait_for(small_server.is_healthy)
