"""The hash chain of a phone's ops: each op carries its number and the hash of the op before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync.protocol.json_codec import canonical_json

PLACE_FIELDS = frozenset({"n", "prev", "hash", "sig"})
"""The fields of an op that say where it stands in a chain and who signed it, not what was done."""


def content_hash(op: Mapping[str, Any]) -> str:
    """SHA-256, hex, of an op as it is sent, without its own `hash` and its signature."""
    body = {name: value for name, value in op.items() if name not in ("hash", "sig")}
    return hashlib.sha256(canonical_json(body)).hexdigest()


def op_content(op: Mapping[str, Any]) -> bytes:
    """Canonical JSON of an op without its place in a chain and its signature: an op re-sent after a
    fork gives the same bytes."""
    return canonical_json({k: v for k, v in op.items() if k not in PLACE_FIELDS})


Ranges = list[list[int]]
"""Sorted, disjoint ranges of whole numbers, each `[first, last]`, both included."""


@dataclass(slots=True)
class LineageState:
    """What the server has of one lineage (the chain of one installation of the app).

    `upto` and `hash` belong to the highest number received, `gaps` are missing numbers below it,
    `lost` are numbers that the phone declared lost.
    """

    upto: int = 0
    hash: str | None = None
    gaps: Ranges = field(default_factory=list)
    lost: Ranges = field(default_factory=list)

    def record_op(self, n: int, hash_: str) -> None:
        """H1, H2. Record that op `n` arrived: a gap before it is recorded, never refused; a late op
        closes its gap and is no longer lost."""
        if n > self.upto:
            if n > self.upto + 1:
                self.gaps.append([self.upto + 1, n - 1])
            self.upto, self.hash = n, hash_
        else:
            self.gaps = remove_number(self.gaps, n)
        self.lost = remove_number(self.lost, n)

    def mark_lost(self, numbers: Iterable[int]) -> None:
        """H3. Record the numbers that the phone declared lost, unless they have arrived."""
        for n in sorted(set(numbers)):
            if n > self.upto or any(a <= n <= b for a, b in self.gaps):
                self.lost = add_number(self.lost, n)


def remove_number(ranges: Ranges, n: int) -> Ranges:
    """The ranges without one number."""
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


def open_gaps(gaps: Ranges, lost: Ranges) -> Ranges:
    """The gaps that may still be filled: those without the numbers declared lost."""
    for first, last in lost:
        for n in range(first, last + 1):
            gaps = remove_number(gaps, n)
    return gaps


def add_number(ranges: Ranges, n: int) -> Ranges:
    """The ranges with one number more; adjacent ranges are joined."""
    out: Ranges = []
    for a, b in sorted([*ranges, [n, n]]):
        if out and a <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], b)
        else:
            out.append([a, b])
    return out
