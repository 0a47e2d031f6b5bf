"""The cast: Ana cleans, Ben supervises her, Chu keeps the gate, Dao works elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

from server.maintenance.epoch import ensure_epoch
from server.oplog.receive import create_site, make_op, submit_many


def named(word: str) -> str:
    """The same id for the same word, in every run."""
    return str(uuid5(NAMESPACE_DNS, f"{word}.lodge.test"))


HOME, AWAY = named("home"), named("away")
ANA, BEN, CHU, DAO = named("ana"), named("ben"), named("chu"), named("dao")
EVE = named("eve")
"""Works at home, then leaves: nobody in the beginning, see `person.leave`."""

STAIRS, GATE, FLAT = named("stairs"), named("gate"), named("flat")
TASKS = [named(f"task-{n}") for n in range(12)]
TASK = TASKS[0]
THERE = named("area-away")


def label(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def people() -> list[tuple[str, str, list[str]]]:
    return [
        (ANA, "Ana", ["cleaner"]),
        (BEN, "Ben", ["supervisor"]),
        (CHU, "Chu", ["guard"]),
        (EVE, "Eve", ["manager"]),
    ]


def assemble() -> None:
    """Two sites with their people; at home two places, a flat and today's tasks for Ana."""
    ensure_epoch()
    create_site(HOME)
    create_site(AWAY)
    home = [make_op("site.add", HOME, {"label": label("本园", "Home")})]
    home += [make_op("person.add", id_, {"name": n, "roles": r}) for id_, n, r in people()]
    home += [
        make_op("area.add", STAIRS, {"label": label("楼道", "Stairs"), "kind": "stairwell"}),
        make_op("area.add", GATE, {"label": label("大门", "Gate"), "kind": "gate"}),
        make_op("unit.add", FLAT, {"label": label("1203", "1203"), "area_id": STAIRS}),
    ]
    submit_many(HOME, home)
    submit_many(HOME, [make_op("task.plan", id_, occurrence(n)) for n, id_ in enumerate(TASKS)])
    away = [make_op("site.add", AWAY, {"label": label("别处", "Away")})]
    away += [make_op("person.add", DAO, {"name": "Dao", "roles": ["cleaner", "supervisor"]})]
    away += [make_op("area.add", THERE, {"label": label("他处", "There"), "kind": "gate"})]
    submit_many(AWAY, away)


def occurrence(n: int = 0) -> dict[str, object]:
    """A duty of Ana's that is due within some hours."""
    now = datetime.now(UTC)
    return {
        "schedule_id": named("schedule"),
        "code": f"CL-{n:02}",
        "label": label("拖地", "Mop the floor"),
        "area_id": STAIRS,
        "responsible_id": ANA,
        "window_start": (now - timedelta(hours=3)).isoformat(),
        "window_end": (now + timedelta(hours=6)).isoformat(),
    }
