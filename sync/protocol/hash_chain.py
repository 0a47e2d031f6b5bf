"""The chain of a phone's ops: every op names its place and the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from sync.protocol.clock import format_time


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no white space (RFC 8785 for what we use; no floats), in UTF-8."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half characters, or numbers that take more than 64 bits
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")


def dump_json(value: Any) -> str:
    """JSON without white space, in the order given; times as `iso` tells them."""
    try:
        return orjson.dumps(value, _encode_datetime, orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except TypeError:  # half characters, or numbers that take more than 64 bits: in ASCII
        return json.dumps(value, separators=(",", ":"), default=_encode_datetime)


def load_json(text: str | bytes) -> Any:
    """JSON that `compact` wrote, or a database in its own way."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # half characters
        return json.loads(text)


def _encode_datetime(value: Any) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    raise TypeError(f"{type(value).__name__} is no part of JSON here")


def content_hash(op: dict[str, Any]) -> str:
    """SHA-256, hex, over an op as it goes over the wire, without its `hash`."""
    body = {name: value for name, value in op.items() if name != "hash"}
    return hashlib.sha256(canonical_json(body)).hexdigest()


def op_content(op: dict[str, Any]) -> bytes:
    """What an op says whatever its place in a chain: equal for one re-sent after a fork."""
    return canonical_json({k: v for k, v in op.items() if k not in ("n", "prev", "hash")})


Ranges = list[list[int]]


@dataclass(slots=True)
class LineageState:
    """How far the server has come along one lineage: the highest place, its hash, the holes."""

    upto: int = 0
    hash: str | None = None
    gaps: Ranges = field(default_factory=list)
    lost: Ranges = field(default_factory=list)

    def record_op(self, n: int, hash_: str) -> None:
        """H1, H2: a gap is recorded, never refused; a late op closes its gap, and is not lost."""
        if n > self.upto:
            if n > self.upto + 1:
                self.gaps.append([self.upto + 1, n - 1])
            self.upto, self.hash = n, hash_
        else:
            self.gaps = remove_number(self.gaps, n)
        self.lost = remove_number(self.lost, n)

    def mark_lost(self, numbers: Iterable[int]) -> None:
        """H3: the phone knows that these are gone."""
        for n in sorted(set(numbers)):
            if n > self.upto or any(a <= n <= b for a, b in self.gaps):
                self.lost = add_number(self.lost, n)


def remove_number(ranges: Ranges, n: int) -> Ranges:
    """Ranges with one number cut out."""
    out: Ranges = []
    for a, b in ranges:
        if not a <= n <= b:
            out.append([a, b])
            continue
        if a < n:
            out.append([a, n - 1])
        if n < b:
            out.append([n + 1, b])
    return out


def add_number(ranges: Ranges, n: int) -> Ranges:
    """Ranges with one number added, neighbours joined."""
    out: Ranges = []
    for a, b in sorted([*ranges, [n, n]]):
        if out and a <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], b)
        else:
            out.append([a, b])
    return out
