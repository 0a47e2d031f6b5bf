"""A load of plain HTTP over connections that stay open, cheap enough not to be what is measured."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

GAP = b"\r\n\r\n"
"""Between the head of a message and its body."""

CONNECTION_TIME = 120.0
"""Seconds without any answer after which a measurement is given up."""


@dataclass
class Measured:
    """How long it took, and each answer's own time; seconds."""

    spent: float = 0.0
    times: list[float] = field(default_factory=list)
    received: int = 0
    refused: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.times) / self.spent

    def quantile(self, share: float) -> float:
        ranked = sorted(self.times)
        return ranked[min(int(len(ranked) * share), len(ranked) - 1)]


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST, ready to be written to a socket."""
    heads = {"Host": "bench", "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{name}: {value}\r\n" for name, value in {**heads, **headers}.items()]
    return f"POST {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


class Caller:
    """One connection that sends its requests one after the other."""

    def __init__(self, port: int, requests: Iterable[bytes] = ()) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests = iter(requests)
        self.begun = 0.0
        self.answer, self.whole = bytearray(), 0

    def send_next(self) -> bool:
        """Send the next request; False when there is none left."""
        request_ = next(self.requests, None)
        if request_ is None:
            return False
        self.send(request_)
        return True

    def send(self, request_: bytes) -> None:
        self.answer, self.whole, self.begun = bytearray(), 0, time.perf_counter()
        self.socket.sendall(request_)

    def ask(self, request_: bytes) -> bytes:
        """Send one and wait for all of its answer."""
        self.send(request_)
        while not self.hear():
            pass
        return bytes(self.answer)

    def hear(self) -> bool:
        """Take in what has come; whether that is all of the answer."""
        piece = self.socket.recv(1 << 20)
        if not piece:
            raise ConnectionError("The server hung up.")
        self.answer += piece
        if not self.whole and (gap := self.answer.find(GAP)) >= 0:
            self.whole = gap + len(GAP) + length_of(self.answer[:gap])
        return 0 < self.whole <= len(self.answer)


def length_of(head: bytearray) -> int:
    """Content-Length of an answer; all of ours say it."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError(f"no length: {head[:200]!r}")


def call(port: int, requests: Sequence[Iterable[bytes]]) -> Measured:
    """Every list of requests over a connection of its own, all at once."""
    measured = Measured()
    callers = [Caller(port, mine) for mine in requests]
    begun = time.perf_counter()
    for answered in _answers(callers):
        measured.times.append(time.perf_counter() - answered.begun)
        measured.received += len(answered.answer)
        if not answered.answer.startswith(b"HTTP/1.1 200"):
            measured.refused.append(bytes(answered.answer[:300]))
    measured.spent = time.perf_counter() - begun
    for caller in callers:
        caller.socket.close()
    return measured


def _answers(callers: list[Caller]) -> Iterator[Caller]:
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            if caller.send_next():
                selector.register(caller.socket, selectors.EVENT_READ, caller)
        while selector.get_map():
            ready = selector.select(CONNECTION_TIME)
            if not ready:
                raise TimeoutError("The server is silent.")
            for key, _ in ready:
                caller = key.data
                if caller.hear():
                    yield caller
                    if not caller.send_next():
                        selector.unregister(caller.socket)
