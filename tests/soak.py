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
    "server_kills": Repeats(15, 1_000),
    "power_cuts": Repeats(1_000, 500_000),
    "postgres_kills": Repeats(8, 300),
    "postgres_starts": Repeats(2, 50),
    "races": Repeats(15, 10_000),
    "network_faults": Repeats(400, 100_000),
    "network_events": Repeats(5, 2_000),
    "backups": Repeats(6, 2_000),
    "restore_drills": Repeats(3, 200),
    "killed_restores": Repeats(3, 500),
    "browser_kills": Repeats(5, 500),
    "service_worker_kills": Repeats(10, 500),
    "phone_backlog_ops": Repeats(3_000, 100_000),
    "load_seconds": Repeats(10, 1_800),
    "load_phones": Repeats(20, 200),
    "model_histories": Repeats(24, 100_000),
    "simulated_histories": Repeats(5_000, 2_000_000),
    "fuzzed_requests": Repeats(1_000, 2_000_000),
    "odd_values_of_a_place": Repeats(1, 1_000),
    "hostile_uploads": Repeats(24, 1_000),
    "openapi_examples": Repeats(20, 2_000),
    "forged_ops": Repeats(300, 200_000),
    "tampered_logs": Repeats(40, 50_000),
    "time_zone_examples": Repeats(250, 300_000),
    "template_cases": Repeats(250, 10_000),
}
FAILING_CALL_STRIDE = Repeats(25, 1)
"""Of the file calls of a server every so-many-th fails in turn; 1: each of them."""

SOAK = os.environ.get("LODGE_SOAK") == "1"


def repeats(name: str) -> int:
    """The number of repetitions, seconds or things that a test of this name takes in this run."""
    return _of_this_run(REPEATS[name])


def failing_call_stride() -> int:
    return _of_this_run(FAILING_CALL_STRIDE)


def _of_this_run(counts: Repeats) -> int:
    return counts.soak if SOAK else counts.quick
