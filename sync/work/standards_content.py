"""The seeded schedules: cleaning standards after the clauses of the rulebook, in our own words."""

from __future__ import annotations

from typing import Any

from sync.work.recurrence import UNTIL_NEXT


def standard(
    code: str,
    clause: str,
    zh: str,
    en: str,
    area_kind: str,
    rrule: str | None,
    window: str | None,
    **fields: Any,
) -> dict[str, Any]:
    """One standard, as the payload of `schedule.add` without its start and its responsible
    person."""
    return {
        "code": code,
        "clause": clause,
        "label": {"zh": zh, "en": en},
        "area_kind": area_kind,
        "rrule": rrule,
        "window": window,
        "active": rrule is not None,
        **fields,
    }


def daily_at(*hours: int) -> str:
    """The rule "every day at these full hours"."""
    return f"FREQ=DAILY;BYHOUR={','.join(map(str, hours))};BYMINUTE=0;BYSECOND=0"


EVERY_MONDAY = "FREQ=WEEKLY;BYDAY=MO"
THRICE_A_MONTH = "FREQ=MONTHLY;BYMONTHDAY=1,11,21"

STANDARDS = (
    standard("CL-01", "C1", "清运垃圾", "Remove refuse", "refuse_point", daily_at(6, 18), "PT4H"),
    standard(
        *("CL-02", "C2", "清洗垃圾箱、垃圾车", "Wash bins and carts", "refuse_point"),
        *(EVERY_MONDAY, "P7D"),
        items=[{"zh": "垃圾箱", "en": "Bins"}, {"zh": "垃圾车", "en": "Carts"}],
    ),
    standard(
        *("CL-03", "C3", "清扫室外区域", "Sweep outdoor areas", "outdoor"),
        *(THRICE_A_MONTH, UNTIL_NEXT),
        needs_confirmation=True,
    ),
    standard(
        *("CL-03b", "C3", "每日清扫室外区域", "Sweep outdoor areas daily", "outdoor"),
        *(daily_at(7, 11, 16), "PT3H"),
        active=False,
    ),
    standard(
        *("CL-04", "C3", "室外全天保洁", "All-day upkeep outdoors", "outdoor"),
        *(daily_at(8), "PT10H"),
        standing=True,
    ),
    standard(
        *("CL-05", "C5", "清扫楼道、擦拭扶手", "Sweep stairs, wipe handrails", "stairwell"),
        *("FREQ=DAILY", "P1D"),
        items=[{"zh": "楼道", "en": "Stairs"}, {"zh": "扶手", "en": "Handrails"}],
    ),
    standard("CL-06", "C6", "擦拭楼道地面", "Mop the floors", "stairwell", EVERY_MONDAY, "P7D"),
    standard(
        *("CL-07", "C7", "擦拭入住业主门", "Wipe doors of occupied homes", "stairwell"),
        *(EVERY_MONDAY, "P7D"),
        per_unit=True,
    ),
    standard(
        *("CL-07u", "C7", "擦拭单元门", "Wipe the entrance door", "unit_entrance"),
        *(EVERY_MONDAY, "P7D"),
    ),
    standard(
        *("CL-08", "C8", "擦拭楼道玻璃", "Wipe the stairwell glass", "stairwell"),
        *("FREQ=MONTHLY;BYMONTHDAY=1", UNTIL_NEXT),
    ),
    standard("CL-09", "C10", "杀虫灭鼠、防疫", "Pest control", "outdoor", None, None),
    standard("CL-10", "C11", "办公楼雨雪天保洁", "Office in rain or snow", "office", None, "PT2H"),
    standard(
        *("FL-01", "B2", "升旗、降旗", "Raise and lower the flag", "gate", None, "P1D"),
        items=[{"zh": "升旗", "en": "Raise"}, {"zh": "降旗", "en": "Lower"}],
        role="guard",
    ),
)


def codes_of_clause(clause: str | None) -> list[str]:
    """The codes of the seeded standards of a clause, such as CL-07 and CL-07u of C7."""
    return [each["code"] for each in STANDARDS if each["clause"] == clause]
