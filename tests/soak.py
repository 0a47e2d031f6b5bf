"""How often tests with random input repeat: quickly in every run, for hours with LODGE_SOAK=1.

`make soak` sets LODGE_SOAK. A single run is repeated with LODGE_SEED, which a failure prints.
"""

from __future__ import annotations

import os
from typing import NamedTuple


class Repeats(NamedTuple):
    quick: int
    soak: int


REPEATS = {
    "server_kills": Repeats(8, 1_000),
    "power_cuts": Repeats(500, 500_000),
    "postgres_kills": Repeats(4, 300),
    "postgres_starts": Repeats(2, 50),
    "races": Repeats(10, 10_000),
    "network_faults": Repeats(250, 100_000),
    "network_events": Repeats(4, 2_000),
    "backups": Repeats(4, 2_000),
    "restore_drills": Repeats(2, 200),
    "killed_restores": Repeats(2, 500),
    "browser_kills": Repeats(3, 500),
    "service_worker_kills": Repeats(6, 500),
    "phone_backlog_ops": Repeats(3_000, 100_000),
    "load_seconds": Repeats(6, 1_800),
    "load_phones": Repeats(20, 200),
    "model_histories": Repeats(16, 100_000),
    "simulated_histories": Repeats(3_000, 2_000_000),
    "fuzzed_requests": Repeats(500, 2_000_000),
    "odd_values_of_a_place": Repeats(1, 1_000),
    "hostile_uploads": Repeats(24, 1_000),
    "openapi_examples": Repeats(8, 2_000),
    "forged_ops": Repeats(150, 200_000),
    "tampered_logs": Repeats(20, 50_000),
    "time_zone_examples": Repeats(150, 300_000),
    "list_filters": Repeats(3, 300),
    "template_cases": Repeats(120, 10_000),
}
FAILING_CALL_STRIDE = Repeats(40, 1)
"""Of the file calls of a server every so-many-th fails in turn; 1: each of them."""

SOAK = os.environ.get("LODGE_SOAK") == "1"


def repeats(name: str) -> int:
    """The number of repetitions, seconds or things that a test of this name takes in this run."""
    return _of_this_run(REPEATS[name])


def failing_call_stride() -> int:
    return _of_this_run(FAILING_CALL_STRIDE)


def _of_this_run(counts: Repeats) -> int:
    return counts.soak if SOAK else counts.quick
