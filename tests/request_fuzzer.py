"""Requests of every shape but the right one: seeded, so that each can be sent again."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from typing import Any

ODD_VALUES: list[Any] = [
    *(
        "",
        " ",
        "\x00",
        "x\x00y",
        "\ud800",
        "\u202e",
        "\ufeff",
        "é" * 300,
        "x" * 20_000,
        "٣",
        "１２",
    ),
    *("-1", "0", "9" * 40, "1e309", "NaN", "Infinity", "0x10", "1_000", "true", "null", "[]", "{}"),
    *("2026-02-30", "2026-13-45T99:99", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    *(
        "../../etc/passwd",
        "%00",
        "%ff",
        "'; DROP TABLE op; --",
        "<script>alert(1)</script>",
        "{{7*7}}",
    ),
    *("=1+1", "\r\nSet-Cookie: a=b", "en", "zh", "bytes 0-1/2", "bytes 9-1/2", "bytes */*"),
    *(None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**400, 1.5, [], {}, [[]], {"": ""}),
]
"""What nobody expects in a field."""

CONTENT_TYPES = [
    "application/json",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=",
]
CONTENT_TYPES += [
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "\xff",
    "a/b;" * 99,
]
ENCODINGS = ["gzip", "deflate", "br", "identity", "gzip, gzip", "", "\xff"]


class RequestFuzzer:
    """Draws odd requests; the same seed draws the same."""

    def __init__(self, seed: int, ids: Sequence[str], names: Sequence[str]) -> None:
        self.lot, self.ids, self.names = random.Random(seed), list(ids), list(names)

    def odd_value(self) -> Any:
        """Something odd, or an id that is there."""
        return self.lot.choice(self.ids) if self.lot.random() < 0.3 else self.lot.choice(ODD_VALUES)

    def odd_text(self) -> str:
        """The same as it can stand in an address or a form."""
        return str(self.odd_value()).encode("utf-8", "replace").decode()

    def odd_form(self) -> dict[str, Any]:
        """Fields that forms of ours have, with odd values, sometimes twice."""
        names = self.lot.sample(self.names, self.lot.randrange(0, 9))
        return {name: self._odd_fields() for name in names}

    def _odd_fields(self) -> Any:
        return [self.odd_text() for _ in range(2)] if self.lot.random() < 0.1 else self.odd_text()

    def mutate_message(self, value: Any) -> Any:
        """A message with one or a few places changed: dropped, doubled, odd, or of another type."""
        for _ in range(self.lot.randrange(1, 4)):
            value = self._mutate_value(value)
        return value

    def _mutate_value(self, value: Any) -> Any:
        if isinstance(value, dict) and value and self.lot.random() < 0.9:
            name = self.lot.choice(list(value))
            fate = self.lot.random()
            if fate < 0.1:
                return {key: inner for key, inner in value.items() if key != name}
            if fate < 0.2:
                return {**value, str(self.odd_value()): self.odd_value()}
            return {**value, name: self._mutate_value(value[name])}
        if isinstance(value, list) and value and self.lot.random() < 0.9:
            at = self.lot.randrange(len(value))
            return [
                *value[:at],
                self._mutate_value(value[at]),
                *value[at + self.lot.randrange(2) :],
            ]
        return self.odd_value()

    def odd_body(self, message: Any) -> bytes:
        """A message as bytes: sound, cut, with bytes turned, nested, or zipped."""
        text = json.dumps(message).encode()
        fate = self.lot.random()
        if fate < 0.1:
            return text[: self.lot.randrange(len(text) + 1)]
        if fate < 0.25:
            turned = bytearray(text or b" ")
            for _ in range(self.lot.randrange(1, 6)):
                turned[self.lot.randrange(len(turned))] = self.lot.randrange(256)
            return bytes(turned)
        if fate < 0.3:
            return b"[" * self.lot.choice((20, 2000, 50_000)) + text
        return gzip.compress(text, 1) if fate < 0.4 else text

    def odd_headers(self) -> dict[str, str]:
        """None in most cases; else some that do not fit."""
        if self.lot.random() < 0.6:
            return {}
        said = {
            "Content-Type": self.lot.choice(CONTENT_TYPES),
            "Content-Encoding": self.lot.choice(ENCODINGS),
            "Content-Range": self.lot.choice(("bytes 0-1/2", "bytes 5-1/2", "bytes */*", "x")),
            "Range": self.lot.choice(("bytes=0-", "bytes=9-1", "bytes=-0", "lines=1-2")),
            "Accept-Language": self.lot.choice(("zh", "en;q=9", "*;q=", "\xff", ",," * 500)),
            "Accept": self.lot.choice(("*/*", "application/json", "x", "a/b;q=2")),
            "Cookie": self.lot.choice(("lang=xx", "lang=\xff", "a" * 5000, "=;=;")),
            "HX-Request": self.lot.choice(("true", "maybe")),
            "If-None-Match": self.lot.choice(("*", '"x"', "W/")),
        }
        return {name: said[name] for name in self.lot.sample(list(said), self.lot.randrange(1, 4))}
