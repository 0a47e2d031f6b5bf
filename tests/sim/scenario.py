"""The small estate of the simulation: who is there, what there is to do, and what people tap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

START = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def fixed_id(space: int, number: int) -> str:
    """The same ids in every history: cheap, and what was worked out of them is remembered."""
    return f"{space:08x}-0000-7000-8000-{number:012x}"


ANA, BEN, CHU, EVE = (fixed_id(1, number) for number in range(1, 5))
"""Ana cleans, Chu keeps the gate; Ben supervises where there is a Ben; Eve may join them later."""

SWEEP, WATCH, LEAK, GUEST = (fixed_id(2, number) for number in range(1, 5))
"""A task of the cleaners, a standing duty of the guards, a ticket, a visitor who is inside."""

TOO_NEW = frozenset({"task.confirm", "visit.expect"})
"""Kinds that an older server does not know yet."""

LABEL = {"zh": "扫", "en": "Sweep"}


def _task(role: str, *, standing: bool) -> dict[str, Any]:
    return {
        "schedule_id": None,
        "code": "CL-05",
        "label": LABEL,
        "area_id": fixed_id(3, 1),
        "role": role,
        "window_start": "2026-11-24T00:00:00Z",
        "window_end": "2026-11-25T00:00:00Z",
        "standing": standing,
    }


TICKET_PAYLOAD = {"channel": "phone", "matter": "report", "contact": "gate", "details": "A leak"}
SEED_OPS = (
    ("person.add", ANA, {"name": "Ana", "roles": ["cleaner"]}),
    ("person.add", CHU, {"name": "Chu", "roles": ["guard"]}),
    ("task.plan", SWEEP, _task("cleaner", standing=False)),
    ("task.plan", WATCH, _task("guard", standing=True)),
    ("ticket.open", LEAK, TICKET_PAYLOAD),
    ("visit.arrive", GUEST, {"visitor": "G", "purpose": "family"}),
)
SUPERVISOR = ("person.add", BEN, {"name": "Ben", "roles": ["supervisor"]})
NEWCOMER = ("person.add", EVE, {"name": "Eve", "roles": ["service_desk"]})


@dataclass(frozen=True, slots=True)
class PlannedOp:
    """What somebody taps; `seen` says that it is about what they saw of the record."""

    kind: str
    subject: str | None
    payload: dict[str, Any]
    with_base: bool = False
    creates: bool = False
    corruption: str | None = None
    """What is wrong with it: it cannot be read, or its signature is another's."""


PLANNED_OPS = (
    PlannedOp("task.complete", SWEEP, {}),
    PlannedOp("task.complete", SWEEP, {"note": "wet, 110101 19900101 123X"}),
    PlannedOp("task.undo", SWEEP, {}),
    PlannedOp("task.skip", SWEEP, {"reason": "rain"}),
    PlannedOp("task.cancel", SWEEP, {"reason": "rain"}, with_base=True),
    PlannedOp("task.confirm", WATCH, {}),
    PlannedOp("ticket.revise", LEAK, {"urgency": "urgent"}, with_base=True),
    PlannedOp("ticket.revise", LEAK, {"details": "A big leak"}, with_base=True),
    PlannedOp(
        "ticket.revise", LEAK, {"details": "A small leak", "urgency": "normal"}, with_base=True
    ),
    PlannedOp("visit.arrive", None, {"visitor": "W", "purpose": "family"}, creates=True),
    PlannedOp("visit.expect", None, {"visitor": "X", "purpose": "business"}, creates=True),
    PlannedOp("visit.depart", None, {}),
    PlannedOp("visit.depart", None, {}),
    PlannedOp("task.complete", SWEEP, {"nonsense": 1}, corruption="payload"),
    PlannedOp("task.complete", SWEEP, {"note": 0.5}, corruption="shape"),
    PlannedOp("task.complete", SWEEP, {"note": "x"}, corruption="damage"),
)
OP_WEIGHTS = (6, 2, 4, 2, 2, 5, 4, 4, 4, 5, 4, 5, 5, 1, 1.5, 1)

STEP_WEIGHTS = {
    "create_op": 30,
    "step_phone": 55,
    "deliver_delayed": 4,
    "take_backup": 3,
    "restore": 2,
    "save_profile": 3,
    "roll_back": 2.5,
    "clone": 1,
    "lose_newest_ops": 1.5,
    "wipe": 0.7,
    "corrupt_record": 1,
    "refuse_op": 2,
    "deactivate_person": 1.5,
    "add_person": 1,
    "revoke": 1,
    "purge": 1,
    "compact": 1,
    "upgrade": 2,
    "close_month": 1.5,
    "act_at_desk": 2,
    "unlock": 2,
    "revoke_key": 1,
    "forge": 2,
    "steal_lineage": 0.7,
}
STEP_NAMES = list(STEP_WEIGHTS)


def _step_weights(**more: float) -> list[float]:
    return list(accumulate({**STEP_WEIGHTS, **more}.values()))


USUAL_OPS = list(accumulate(OP_WEIGHTS))
CORRUPT_OPS = list(accumulate((6, 0, 4, 0, 2, 0, 0, 0, 0, 2, 0, 0, 2, 2, 12, 3)))
VISIT_OPS = list(accumulate((1, 0, 1, 0, 0, 3, 0, 3, 3, 6, 9, 9, 9, 0, 0, 0)))
DECISIONS = list(accumulate((2, 0, 1, 1, 12, 1, 2, 2, 2, 2, 0, 1, 1, 0, 0, 0)))
"""What people tap: a bit of everything, much that is spoilt, visits, or decisions above all."""

BAD_NETWORK = tuple(accumulate((66, 5, 8, 5, 3, 3, 3, 3, 4)))
SLOW_NETWORK = tuple(accumulate((40, 4, 4, 4, 2, 2, 8, 25, 20)))
"""A bad network, and one that is slow as well: see `network.FAULTS`."""

FORKING_STEPS = _step_weights(
    create_op=25, step_phone=45, save_profile=6, roll_back=8, clone=5, deliver_delayed=1
)
THEMES = {
    "usual": (_step_weights(), USUAL_OPS, BAD_NETWORK),
    "visits": (_step_weights(), VISIT_OPS, SLOW_NETWORK),
    "forks": (FORKING_STEPS, USUAL_OPS, BAD_NETWORK),
    "spoilt": (FORKING_STEPS, CORRUPT_OPS, BAD_NETWORK),
    "restores": (
        _step_weights(step_phone=75, take_backup=5, restore=10, close_month=5, upgrade=0.5, wipe=0),
        *(USUAL_OPS, SLOW_NETWORK),
    ),
    "keys": (
        _step_weights(step_phone=60, unlock=9, revoke_key=5, forge=5, take_backup=5, restore=10),
        *(DECISIONS, BAD_NETWORK),
    ),
    "feed": (
        _step_weights(purge=5, compact=5, deactivate_person=4, add_person=4, act_at_desk=6),
        *(USUAL_OPS, SLOW_NETWORK),
    ),
    "refused": (_step_weights(refuse_op=9, upgrade=0.5, lose_newest_ops=5), VISIT_OPS, BAD_NETWORK),
}
"""What a history is rich in: rare faults meet more often when few others get between them."""
