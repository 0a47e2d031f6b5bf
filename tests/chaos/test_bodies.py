"""Bodies that come drop by drop, never end, or are too large: nobody else waits for them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import cast
from tests.live import Live
from tests.phone import Phone
from tests.until import until

GIGABYTE = 2**30
PIECE = b"x" * 65536
MOST_MB = 50
"""So much may a server grow, whatever it is sent."""

SLOW = 24
"""Three times as many as there are threads."""


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: lodge", *lines, "", ""]).encode()


@contextmanager
def speaking(live: Live, said: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", live.port), timeout=20) as line:
        line.sendall(said)
        yield line


def resident_mb(live: Live) -> float:
    assert live.process is not None
    status = Path(f"/proc/{live.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def is_silent(line: socket.socket) -> bool:
    """Whether nothing was answered so far, and the line is not shut either."""
    line.setblocking(False)
    try:
        return not line.recv(1, socket.MSG_PEEK) and False
    except BlockingIOError:
        return True
    finally:
        line.settimeout(20)


def poured(line: socket.socket, piece: bytes) -> int:
    """Sends the same until the other side has had enough, or a gigabyte has gone: bytes sent."""
    sent = 0
    while sent < GIGABYTE and is_silent(line):
        try:
            line.sendall(piece)
        except OSError:
            break
        sent += len(piece)
    return sent


def test_who_speaks_drop_by_drop_holds_up_nobody(
    small: Live, at_home: Callable[[Live], Phone]
) -> None:
    phone = at_home(small.start())
    path, token = f"/sync/{cast.HOME}/push", f"Authorization: Bearer {phone.token}"
    whole = head(path, token, "Content-Type: application/json", "Content-Length: 5000")
    with ExitStack() as open_:
        bodies = [open_.enter_context(speaking(small, whole + b"{")) for _ in range(SLOW)]
        heads = [open_.enter_context(speaking(small, whole[:40])) for _ in range(SLOW)]
        for number in range(4):
            assert phone.verdict("task.complete", cast.TASKS[number], by=cast.ANA)
            assert small.answers()
            for line in bodies + heads:
                line.sendall(b" " if line in bodies else b"x")
        assert all(map(is_silent, bodies + heads)), "they were still speaking when we were done"


def test_who_does_not_listen_holds_up_nobody(small: Live, at_home: Callable[[Live], Phone]) -> None:
    phone = at_home(small.start())
    path, token = f"/sync/{cast.HOME}/pull", f"Authorization: Bearer {phone.token}"
    asked = head(path, token, "Content-Length: 29") + b'{"cursor":null,"limit":500}  '
    with ExitStack() as open_:
        for _ in range(SLOW):
            line = open_.enter_context(speaking(small, asked * 20))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        assert phone.verdict("task.complete", cast.TASK, by=cast.ANA)["status"] == "applied"
        assert small.answers()


@pytest.mark.parametrize("path", ["/sync/{site}/push", "/sign-in", "/healthz"])
def test_a_body_of_a_gigabyte_is_refused_before_it_comes(small: Live, path: str) -> None:
    small.start()
    before = resident_mb(small)
    declared = head(path.format(site=cast.HOME), f"Content-Length: {GIGABYTE}")
    with speaking(small, declared) as line:
        assert line.recv(12) == b"HTTP/1.1 413"
    assert resident_mb(small) - before < MOST_MB


def test_a_body_that_never_ends_is_cut_off(small: Live) -> None:
    small.start()
    before = resident_mb(small)
    endless = head(f"/sync/{cast.HOME}/push", "Transfer-Encoding: chunked")
    with speaking(small, endless) as line:
        sent = poured(line, b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
        assert sent < GIGABYTE / 8
    assert resident_mb(small) - before < MOST_MB
    until(small.answers)
