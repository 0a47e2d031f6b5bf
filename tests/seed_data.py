"""The cast: Ana cleans, Ben supervises her, Chu keeps the gate, Dao works elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_DNS, uuid5

from server.maintenance.epoch import ensure_epoch
from server.oplog.receive import create_site, make_op, submit_many


def fixed_id(word: str) -> str:
    """The same id for the same word, in every run."""
    return str(uuid5(NAMESPACE_DNS, f"{word}.lodge.test"))


HOME_SITE, OTHER_SITE = fixed_id("home"), fixed_id("away")
ANA, BEN, CHU, DAO = fixed_id("ana"), fixed_id("ben"), fixed_id("chu"), fixed_id("dao")
EVE = fixed_id("eve")
"""Works at home, then leaves: nobody in the beginning, see `person.leave`."""

STAIRS, GATE, FLAT = fixed_id("stairs"), fixed_id("gate"), fixed_id("flat")
TASKS = [fixed_id(f"task-{n}") for n in range(12)]
TASK = TASKS[0]
OTHER_GATE = fixed_id("area-away")


def label(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def people_rows() -> list[tuple[str, str, list[str]]]:
    return [
        (ANA, "Ana", ["cleaner"]),
        (BEN, "Ben", ["supervisor"]),
        (CHU, "Chu", ["guard"]),
        (EVE, "Eve", ["manager"]),
    ]


def seed_sites() -> None:
    """Two sites with their people; at home two places, a flat and today's tasks for Ana."""
    ensure_epoch()
    create_site(HOME_SITE)
    create_site(OTHER_SITE)
    home = [make_op("site.add", HOME_SITE, {"label": label("本园", "Home")})]
    home += [make_op("person.add", id_, {"name": n, "roles": r}) for id_, n, r in people_rows()]
    home += [
        make_op("area.add", STAIRS, {"label": label("楼道", "Stairs"), "kind": "stairwell"}),
        make_op("area.add", GATE, {"label": label("大门", "Gate"), "kind": "gate"}),
        make_op("unit.add", FLAT, {"label": label("1203", "1203"), "area_id": STAIRS}),
    ]
    submit_many(HOME_SITE, home)
    submit_many(
        HOME_SITE, [make_op("task.plan", id_, task_payload(n)) for n, id_ in enumerate(TASKS)]
    )
    away = [make_op("site.add", OTHER_SITE, {"label": label("别处", "Away")})]
    away += [make_op("person.add", DAO, {"name": "Dao", "roles": ["cleaner", "supervisor"]})]
    away += [make_op("area.add", OTHER_GATE, {"label": label("他处", "There"), "kind": "gate"})]
    submit_many(OTHER_SITE, away)


def task_payload(n: int = 0) -> dict[str, object]:
    """A duty of Ana's that is due within some hours."""
    now = datetime.now(UTC)
    return {
        "schedule_id": fixed_id("schedule"),
        "code": f"CL-{n:02}",
        "label": label("拖地", "Mop the floor"),
        "area_id": STAIRS,
        "responsible_id": ANA,
        "window_start": (now - timedelta(hours=3)).isoformat(),
        "window_end": (now + timedelta(hours=6)).isoformat(),
    }
