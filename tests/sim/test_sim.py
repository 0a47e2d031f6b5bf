"""Many short histories of phones and a server, drawn from seeds; and bugs that do not survive them.

tests/soak.py says how many histories there are, LODGE_SEED repeats a single one.
"""

from __future__ import annotations

import os

import pytest

from tests.sim.invariants import InvariantViolation
from tests.sim.mutants import MUTANTS
from tests.sim.phone_model import PhoneModel
from tests.sim.server_model import ServerModel
from tests.sim.simulation import Simulation
from tests.soak import repeats

HISTORIES = repeats("simulated_histories")
BATCHES = 8
SEED = os.environ.get("LODGE_SEED")
MAX_HISTORIES = 30_000
"""A bug that is not found in so many histories would take more than a minute."""


def test_the_same_seed_tells_the_same_history():
    first, second = Simulation(7, ServerModel, PhoneModel), Simulation(7, ServerModel, PhoneModel)
    first.run()
    second.run()
    assert first.server.log == second.server.log
    assert first.verdicts == second.verdicts and first.request_count == second.request_count


def test_histories_are_rich_enough_to_show_something():
    seen: set[str] = set()
    for seed in range(300):
        history = Simulation(seed, ServerModel, PhoneModel)
        history.run()
        seen |= set(history.verdicts.values())
        seen |= {"lost"} if any(c.lost for c in history.server.chains.values()) else set()
        seen |= {"restored"} if history.server.epoch > 1 else set()
        seen |= {"mended"} if any(phone.repair_count for phone in history.phones) else set()
    statuses = {"applied", "merged", "contested", "refused", "quarantined", "held", "deferred"}
    assert seen >= statuses | {"waiting", "lost", "restored", "mended"}


@pytest.mark.parametrize("part", range(BATCHES))
def test_after_any_trouble_all_agree_and_nothing_is_lost(part):
    count = HISTORIES // BATCHES
    for seed in [int(SEED)] if SEED else range(part * count, (part + 1) * count):
        broken = _violation(seed, ServerModel, PhoneModel)
        assert broken is None, f"LODGE_SEED={seed}: {broken}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_no_bug_survives(mutant):
    parts = (mutant, PhoneModel) if issubclass(mutant, ServerModel) else (ServerModel, mutant)
    for seed in range(MAX_HISTORIES):
        broken = _violation(seed, *parts, getattr(mutant, "where", None))
        if broken:
            print(f"{mutant.__doc__} Seed {seed}: {broken}.")
            return
    pytest.fail(f"{MAX_HISTORIES} histories did not notice: {mutant.__doc__}")


def _violation(seed, central, phone, theme=None):
    """What does not hold at the end of a history, or None."""
    try:
        Simulation(seed, central, phone, theme).run()
    except InvariantViolation as broken:
        return str(broken)
    return None
