"""A network of the worst kind: each request draws its fate from a seeded lot."""

from __future__ import annotations

import contextlib
import random
import socket
import socketserver
import threading
from collections import Counter

PORTAL = b"<html><body>Please sign in to the Wi-Fi</body></html>"
FATES = (
    *("refused", "cut on the way", "answer lost", "answer cut", "twice", "late again"),
    *("portal", "portal moved", "bad gateway", "rubbish", "empty"),
)


def plain(status: bytes, body: bytes, *more: bytes) -> bytes:
    heads = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), b"Connection: close", *more]
    return b"\r\n".join(heads) + b"\r\n\r\n" + body


INSTEAD = {
    "portal": plain(b"200 OK", PORTAL, b"Content-Type: text/html"),
    "portal moved": plain(b"302 Found", b"", b"Location: http://127.0.0.1:9/"),
    "bad gateway": plain(b"502 Bad Gateway", b"bad"),
    "rubbish": bytes(range(1, 200)),
    "empty": plain(b"200 OK", b"{}", b"Content-Type: application/json"),
}


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
        self.healed = threading.Event()
        self.drawing = threading.Lock()
        self.kept: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def fate(self) -> tuple[str, float]:
        with self.drawing:
            faulty = not self.healed.is_set() and self.lot.random() < self.faulty
            drawn = self.lot.choice(FATES) if faulty else "none"
            self.counts[drawn] += 1
            return drawn, self.lot.random()

    def old(self, request: bytes) -> bytes | None:
        """An earlier request, to be sent again after newer ones; this one is kept for later."""
        with self.drawing:
            self.kept.append(request)
            return self.kept.pop(self.lot.randrange(len(self.kept))) if self.kept[3:] else None

    def upstream(self, request: bytes) -> bytes:
        """The server's whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as there:
            there.sendall(request)
            parts = []
            while part := there.recv(65536):
                parts.append(part)
        return b"".join(parts)

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
        old = self.server.old(request) if fate == "late again" else None
        if fate == "twice":
            self.server.upstream(request)
        reply = self.server.upstream(request)
        if old:
            self.server.upstream(old)
        if fate == "answer cut":
            self.wfile.write(reply[: int(len(reply) * part)])
        elif fate != "answer lost":
            self.wfile.write(reply)

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
