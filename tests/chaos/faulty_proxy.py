"""A network of the worst kind: each request draws its fate from a seeded lot."""

from __future__ import annotations

import contextlib
import random
import socket
import socketserver
import threading
from collections import Counter

PORTAL_PAGE = b"<html><body>Please sign in to the Wi-Fi</body></html>"
SLOW_PIECES = 8
"""Into so many pieces goes a slow body."""


def http_response(status: bytes, body: bytes, *more: bytes) -> bytes:
    heads = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), b"Connection: close", *more]
    return b"\r\n".join(heads) + b"\r\n\r\n" + body


JSON = b"Content-Type: application/json"
REPLACED_RESPONSES = {
    "portal": http_response(b"200 OK", PORTAL_PAGE, b"Content-Type: text/html"),
    "portal moved": http_response(b"302 Found", b"", b"Location: http://127.0.0.1:9/"),
    "bad gateway": http_response(b"502 Bad Gateway", b"bad"),
    "rubbish": bytes(range(1, 200)),
    "empty": http_response(b"200 OK", b"{}", JSON),
    "bad gzip": http_response(
        b"200 OK", b"\x1f\x8b\x08\x00rubbish", JSON, b"Content-Encoding: gzip"
    ),
}
"""Never reach the server."""

FAULT_KINDS = (
    *REPLACED_RESPONSES,
    *("refused", "cut on the way", "garbled", "answer lost", "answer cut"),
    *("twice", "late again", "overtaken", "latency", "slow body"),
)


class FaultyProxy(socketserver.ThreadingTCPServer):
    """Stands before a server on `port`; one request a connection. `healed` lets all through."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, seed: int, faulty: float = 0.6) -> None:
        super().__init__(("127.0.0.1", 0), FaultyProxyHandler)
        self.port, self.fault_rate, self.rng = port, faulty, random.Random(seed)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.counts: Counter[str] = Counter()
        self.faults_disabled, self.disconnected = threading.Event(), threading.Event()
        self.rng_lock = threading.Lock()
        self.saved_requests: list[bytes] = []
        self.request_forwarded = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def fault_count(self) -> int:
        """How many requests something happened to."""
        return self.counts.total() - self.counts["none"]

    def draw_fault(self) -> tuple[str, float]:
        with self.rng_lock:
            faulty = not self.faults_disabled.is_set() and self.rng.random() < self.fault_rate
            drawn = self.rng.choice(FAULT_KINDS) if faulty else "none"
            drawn = "refused" if self.disconnected.is_set() else drawn
            self.counts[drawn] += 1
            return drawn, self.rng.random()

    def swap_old_request(self, request: bytes) -> bytes | None:
        """An earlier request, to be sent again after newer ones; this one is kept for later."""
        with self.rng_lock:
            self.saved_requests.append(request)
            return (
                self.saved_requests.pop(self.rng.randrange(len(self.saved_requests)))
                if self.saved_requests[3:]
                else None
            )

    def forward(self, *pieces: bytes) -> bytes:
        """The server's whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as there:
            for piece in pieces:
                there.sendall(piece)
            parts = []
            while part := there.recv(65536):
                parts.append(part)
        with self.request_forwarded:
            self.request_forwarded.notify_all()
        return b"".join(parts)

    def wait_to_be_overtaken(self, longest: float) -> None:
        """Wait until somebody's later request has gone through, if one comes."""
        with self.request_forwarded:
            self.request_forwarded.wait(longest)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class FaultyProxyHandler(socketserver.StreamRequestHandler):
    """One request, and what becomes of it."""

    server: FaultyProxy
    timeout = 10

    def handle(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            fate, part = self.server.draw_fault()
            if fate != "refused":
                self.apply_fault(fate, part)

    def apply_fault(self, fate: str, part: float) -> None:
        request = self.read_request()
        if fate in REPLACED_RESPONSES:
            self.wfile.write(REPLACED_RESPONSES[fate])
        elif fate == "cut on the way":
            with socket.create_connection(("127.0.0.1", self.server.port)) as there:
                there.sendall(request[: int(len(request) * part)])
        else:
            self.relay(fate, part, request)

    def relay(self, fate: str, part: float, request: bytes) -> None:
        if fate in ("overtaken", "latency"):
            self.server.wait_to_be_overtaken(part / 5)
        old = self.server.swap_old_request(request) if fate == "late again" else None
        if fate == "twice":
            self.server.forward(request)
        if fate == "slow body":
            size = len(request) // SLOW_PIECES + 1
            pieces = [request[start : start + size] for start in range(0, len(request), size)]
            reply = self.server.forward(*pieces)
        else:
            reply = self.server.forward(request)
        if old:
            self.server.forward(old)
        if fate == "overtaken":  # the phone has given up by now
            return
        if fate == "garbled":
            reply = self._corrupt_body(reply, part)
        if fate == "answer cut":
            self.wfile.write(reply[: int(len(reply) * part)])
        elif fate != "answer lost":
            self.wfile.write(reply)

    def _corrupt_body(self, reply: bytes, part: float) -> bytes:
        """Some signs of the body are others: no JSON any more."""
        head, _, body = reply.partition(b"\r\n\r\n")
        at = int(len(body) * part)
        return head + b"\r\n\r\n" + body[:at] + b"\xff\x00" + body[at + 2 :]

    def read_request(self) -> bytes:
        head, length = b"", 0
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(65536)
            if not line:
                raise EOFError
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
            head += line
        return head + self.rfile.read(length)
