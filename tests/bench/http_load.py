"""A load of plain HTTP over connections that stay open, cheap enough not to be what is measured."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

HEADER_END = b"\r\n\r\n"
"""Between the head of a message and its body."""

CONNECTION_TIMEOUT = 120.0
"""Seconds without any answer after which a measurement is given up."""


@dataclass
class LoadResult:
    """How long it took, and each answer's own time; seconds."""

    seconds: float = 0.0
    response_times: list[float] = field(default_factory=list)
    received: int = 0
    refused: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.response_times) / self.seconds

    def quantile(self, share: float) -> float:
        ranked = sorted(self.response_times)
        return ranked[min(int(len(ranked) * share), len(ranked) - 1)]


def build_post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST, ready to be written to a socket."""
    heads = {
        "Host": "localhost",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"{name}: {value}\r\n" for name, value in {**heads, **headers}.items()]
    return f"POST {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


class LoadConnection:
    """One connection that sends its requests one after the other."""

    def __init__(self, port: int, requests: Iterable[bytes] = ()) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests = iter(requests)
        self.started_at = 0.0
        self.answer, self.expected_length = bytearray(), 0

    def send_next(self) -> bool:
        """Send the next request; False when there is none left."""
        request_ = next(self.requests, None)
        if request_ is None:
            return False
        self.send(request_)
        return True

    def send(self, request_: bytes) -> None:
        self.answer, self.expected_length, self.started_at = bytearray(), 0, time.perf_counter()
        self.socket.sendall(request_)

    def request(self, request_: bytes) -> bytes:
        """Send one and wait for all of its answer."""
        self.send(request_)
        while not self.receive():
            pass
        return bytes(self.answer)

    def receive(self) -> bool:
        """Take in what has come; whether that is all of the answer."""
        piece = self.socket.recv(1 << 20)
        if not piece:
            raise ConnectionError("The server hung up.")
        self.answer += piece
        if not self.expected_length and (gap := self.answer.find(HEADER_END)) >= 0:
            self.expected_length = gap + len(HEADER_END) + content_length(self.answer[:gap])
        return 0 < self.expected_length <= len(self.answer)


def content_length(head: bytearray) -> int:
    """Content-Length of an answer; all of ours say it."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"no length: {head[:200]!r}")


def run_load(port: int, requests: Sequence[Iterable[bytes]]) -> LoadResult:
    """Every list of requests over a connection of its own, all at once."""
    measured = LoadResult()
    callers = [LoadConnection(port, mine) for mine in requests]
    begun = time.perf_counter()
    for answered in _responses(callers):
        measured.response_times.append(time.perf_counter() - answered.started_at)
        measured.received += len(answered.answer)
        if not answered.answer.startswith(b"HTTP/1.1 200"):
            measured.refused.append(bytes(answered.answer[:300]))
    measured.seconds = time.perf_counter() - begun
    for caller in callers:
        caller.socket.close()
    return measured


def _responses(callers: list[LoadConnection]) -> Iterator[LoadConnection]:
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            if caller.send_next():
                selector.register(caller.socket, selectors.EVENT_READ, caller)
        while selector.get_map():
            ready = selector.select(CONNECTION_TIMEOUT)
            if not ready:
                raise TimeoutError("The server is silent.")
            for key, _ in ready:
                caller = key.data
                if caller.receive():
                    yield caller
                    if not caller.send_next():
                        selector.unregister(caller.socket)
