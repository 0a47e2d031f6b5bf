"""Many short histories of phones and a server, drawn from seeds; and bugs that do not survive them.

LODGE_SIM says how many histories there are, LODGE_SEED repeats a single one.
"""

from __future__ import annotations

import os

import pytest

from tests.sim.central import Central
from tests.sim.history import History
from tests.sim.mutants import MUTANTS
from tests.sim.phone import Phone
from tests.sim.reckoning import Broken

HISTORIES = int(os.environ.get("LODGE_SIM", "8000"))
PARTS = 8
SEED = os.environ.get("LODGE_SEED")
MOST = 30_000
"""A bug that is not found in so many histories would take more than a minute."""


def test_the_same_seed_tells_the_same_history():
    first, second = History(7, Central, Phone), History(7, Central, Phone)
    first.run()
    second.run()
    assert first.central.log == second.central.log
    assert first.verdicts == second.verdicts and first.said == second.said


def test_histories_are_rich_enough_to_show_something():
    seen: set[str] = set()
    for seed in range(300):
        history = History(seed, Central, Phone)
        history.run()
        seen |= set(history.verdicts.values())
        seen |= {"lost"} if any(c.lost for c in history.central.chains.values()) else set()
        seen |= {"restored"} if history.central.epoch > 1 else set()
        seen |= {"mended"} if any(phone.mended for phone in history.phones) else set()
    statuses = {"applied", "merged", "contested", "refused", "quarantined", "held", "deferred"}
    assert seen >= statuses | {"waiting", "lost", "restored", "mended"}


@pytest.mark.parametrize("part", range(PARTS))
def test_after_any_trouble_all_agree_and_nothing_is_lost(part):
    count = HISTORIES // PARTS
    for seed in [int(SEED)] if SEED else range(part * count, (part + 1) * count):
        broken = _broken(seed, Central, Phone)
        assert broken is None, f"LODGE_SEED={seed}: {broken}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_no_bug_survives(mutant):
    parts = (mutant, Phone) if issubclass(mutant, Central) else (Central, mutant)
    for seed in range(MOST):
        broken = _broken(seed, *parts, getattr(mutant, "where", None))
        if broken:
            print(f"{mutant.__doc__} Seed {seed}: {broken}.")
            return
    pytest.fail(f"{MOST} histories did not notice: {mutant.__doc__}")


def _broken(seed, central, phone, theme=None):
    """What does not hold at the end of a history, or None."""
    try:
        History(seed, central, phone, theme).run()
    except Broken as broken:
        return str(broken)
    return None
