"""A network of the worst kind: each request draws its fate from a seeded lot."""

from __future__ import annotations

import contextlib
import random
import socket
import socketserver
import threading
from collections import Counter

PORTAL = b"<html><body>Please sign in to the Wi-Fi</body></html>"
SLOWLY = 8
"""Into so many pieces goes a slow body."""


def plain(status: bytes, body: bytes, *more: bytes) -> bytes:
    heads = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), b"Connection: close", *more]
    return b"\r\n".join(heads) + b"\r\n\r\n" + body


JSON = b"Content-Type: application/json"
INSTEAD = {
    "portal": plain(b"200 OK", PORTAL, b"Content-Type: text/html"),
    "portal moved": plain(b"302 Found", b"", b"Location: http://127.0.0.1:9/"),
    "bad gateway": plain(b"502 Bad Gateway", b"bad"),
    "rubbish": bytes(range(1, 200)),
    "empty": plain(b"200 OK", b"{}", JSON),
    "bad gzip": plain(b"200 OK", b"\x1f\x8b\x08\x00rubbish", JSON, b"Content-Encoding: gzip"),
}
"""Never reach the server."""

FATES = (
    *INSTEAD,
    *("refused", "cut on the way", "garbled", "answer lost", "answer cut"),
    *("twice", "late again", "overtaken", "latency", "slow body"),
)


class Proxy(socketserver.ThreadingTCPServer):
    """Stands before a server on `port`; one request a connection. `healed` lets all through."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, seed: int, faulty: float = 0.6) -> None:
        super().__init__(("127.0.0.1", 0), Passage)
        self.port, self.faulty, self.lot = port, faulty, random.Random(seed)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.counts: Counter[str] = Counter()
        self.healed, self.cut_off = threading.Event(), threading.Event()
        self.drawing = threading.Lock()
        self.kept: list[bytes] = []
        self.passed = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def faults(self) -> int:
        """How many requests something happened to."""
        return self.counts.total() - self.counts["none"]

    def fate(self) -> tuple[str, float]:
        with self.drawing:
            faulty = not self.healed.is_set() and self.lot.random() < self.faulty
            drawn = self.lot.choice(FATES) if faulty else "none"
            drawn = "refused" if self.cut_off.is_set() else drawn
            self.counts[drawn] += 1
            return drawn, self.lot.random()

    def old(self, request: bytes) -> bytes | None:
        """An earlier request, to be sent again after newer ones; this one is kept for later."""
        with self.drawing:
            self.kept.append(request)
            return self.kept.pop(self.lot.randrange(len(self.kept))) if self.kept[3:] else None

    def upstream(self, *pieces: bytes) -> bytes:
        """The server's whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as there:
            for piece in pieces:
                there.sendall(piece)
            parts = []
            while part := there.recv(65536):
                parts.append(part)
        with self.passed:
            self.passed.notify_all()
        return b"".join(parts)

    def overtaken(self, longest: float) -> None:
        """Wait until somebody's later request has gone through, if one comes."""
        with self.passed:
            self.passed.wait(longest)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Passage(socketserver.StreamRequestHandler):
    """One request, and what becomes of it."""

    server: Proxy
    timeout = 10

    def handle(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            fate, part = self.server.fate()
            if fate != "refused":
                self.carry(fate, part)

    def carry(self, fate: str, part: float) -> None:
        request = self.whole()
        if fate in INSTEAD:
            self.wfile.write(INSTEAD[fate])
        elif fate == "cut on the way":
            with socket.create_connection(("127.0.0.1", self.server.port)) as there:
                there.sendall(request[: int(len(request) * part)])
        else:
            self.answer(fate, part, request)

    def answer(self, fate: str, part: float, request: bytes) -> None:
        if fate in ("overtaken", "latency"):
            self.server.overtaken(part / 5)
        old = self.server.old(request) if fate == "late again" else None
        if fate == "twice":
            self.server.upstream(request)
        if fate == "slow body":
            size = len(request) // SLOWLY + 1
            pieces = [request[start : start + size] for start in range(0, len(request), size)]
            reply = self.server.upstream(*pieces)
        else:
            reply = self.server.upstream(request)
        if old:
            self.server.upstream(old)
        if fate == "overtaken":  # the phone has given up by now
            return
        if fate == "garbled":
            reply = self._garbled(reply, part)
        if fate == "answer cut":
            self.wfile.write(reply[: int(len(reply) * part)])
        elif fate != "answer lost":
            self.wfile.write(reply)

    def _garbled(self, reply: bytes, part: float) -> bytes:
        """Some signs of the body are others: no JSON any more."""
        head, _, body = reply.partition(b"\r\n\r\n")
        at = int(len(body) * part)
        return head + b"\r\n\r\n" + body[:at] + b"\xff\x00" + body[at + 2 :]

    def whole(self) -> bytes:
        head, length = b"", 0
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(65536)
            if not line:
                raise EOFError
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
            head += line
        return head + self.rfile.read(length)
