"""Requests whose end can be read in two ways: one answer at most, and the connection is closed."""

from __future__ import annotations

import socket

import pytest

from tests.live_server import LiveServer

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /sync/hello HTTP/1.1\r\nHost: localhost\r\n"
AMBIGUOUS = {
    "length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "a list of lengths": b"Content-Length: 0, %d\r\n\r\n" % len(HIDDEN),
    "a signed length": b"Content-Length: +0\r\n\r\n",
    "unknown encoding": b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
    "two encodings": b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "blank before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a bad size": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a bare line feed": b"Transfer-Encoding:\nchunked\r\n\r\n0\r\n\r\n",
}


def answers(live: LiveServer, sent: bytes) -> tuple[int, bytes]:
    """How many answers come until the server closes, and all that was received."""
    received = b""
    with socket.create_connection(("127.0.0.1", live.port), timeout=3) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        while piece := line.recv(65536):
            received += piece
    return received.count(b"HTTP/1.1 "), received


@pytest.mark.asvs("4.2.1")
def test_no_request_hides_inside_another(small_server: LiveServer) -> None:
    small_server.start()
    assert answers(small_server, HIDDEN + HIDDEN)[0] == 2, "two plain ones are answered"
    for name, rest in AMBIGUOUS.items():
        count, received = answers(small_server, HEAD + rest + HIDDEN)
        assert count <= 1 or b'"status": "ok"' not in received, name
        assert b" 500 " not in received and b" 200 " not in received.split(b"\r\n")[0], name
