"""Leads: facts that somebody should answer for, and the excusing facts beside them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sync.accountability.leads import (
    Lead,
    LeadContext,
    excusing_facts,
    flagged_scan_leads,
    image_leads,
    is_about_image,
    leads_without_case,
    missed_point_leads,
    missed_task_leads,
    uniform_leads,
)
from tests.sync.builders import ANA, CHU, NOON


def task(**more):
    default = {
        "id": "t",
        "area_id": "a",
        "responsible_id": ANA,
        "window_start": NOON,
        "window_end": NOON,
        "grace": 0,
        "planned_at": None,
        "disposition": None,
        "ticked": {},
    }
    empty = ("done_at", "done_received_at", "done_by_id", "skipped_at", "skip_reason")
    return SimpleNamespace(**{**dict.fromkeys((*empty, "cancelled_at")), **default, **more})


@pytest.mark.rule("A17")
@pytest.mark.clause("G10")
def test_missed_tasks_flagged_scans_and_shifts_without_uniform_are_leads():
    tasks = [task(), task(id="u", disposition="reason"), task(id="v", disposition="case")]
    leads = missed_task_leads(tasks, [], NOON)
    scans = {"p": {"at": "2026-11-24T12:00:00.000Z", "by_id": CHU, "flags": ["fast", "late"]}}
    leads += flagged_scan_leads([SimpleNamespace(id="r", label={}, scans=scans)])
    shift = SimpleNamespace(id="s", person_id=ANA, opened_at=NOON, uniform=False, note="torn")
    leads += uniform_leads([shift])
    assert [(lead.code, lead.id) for lead in leads] == [
        *(("missed", "t"), ("missed", "v"), ("fast", "r"), ("no_uniform", "s")),
    ]
    known = [{"code": "missed", "type": "task", "id": "v"}]
    open_leads = leads_without_case([*leads, *leads], [SimpleNamespace(facts=known)])
    assert sorted(lead.id for lead in open_leads) == ["r", "s", "t"]


@pytest.mark.rule("A18")
def test_a_lead_is_listed_with_excusing_facts():
    late = NOON.replace(hour=20)
    phone_fields = {"enrolled_at": NOON.replace(year=2025), "lost_at": NOON, "revoked_at": None}
    phone = SimpleNamespace(id="d", label="Old phone", **phone_fields)
    tasks = [
        task(id="x", skipped_at=NOON, skip_reason="rain"),
        task(id="y", done_at=NOON, done_received_at=late, done_by_id=ANA),
        task(id="z", skipped_at=NOON, skip_reason="of somebody else", responsible_id=CHU),
    ]
    rain = SimpleNamespace(id="w", reported_at=NOON, areas=["a"])
    tick = {"at": "2026-11-24T12:00:00.000Z", "by_id": CHU}
    lead = Lead("missed", "task", "t", NOON, ANA, task(ticked={"0": tick}))
    facts = excusing_facts(lead, LeadContext(tasks, [], [rain], [phone]))
    codes = [fact["code"] for fact in facts]
    assert codes == ["skipped", "late_phone", "helped", "late_phone", "off_duty", "weather"]
    on_duty = SimpleNamespace(
        person_id=ANA, opened_at=NOON.replace(hour=6), closed_at=None, handed_over_at=None
    )
    context = LeadContext(shifts=[on_duty])
    on_duty_lead = Lead("missed", "task", "t", NOON, ANA, task(window_start=NOON.replace(hour=8)))
    assert excusing_facts(on_duty_lead, context) == []
    assert excusing_facts(Lead("missed", "task", "t", NOON, None, task()), context) == []


def point(code):
    return {"checkpoint": code, "code": code, "area_id": "a", "label": {"en": code}}


def patrol(**more):
    facts = {name: {} for name in ("scans", "skips", "fines", "disposed")}
    window = {"window_start": NOON.replace(hour=10), "window_end": NOON.replace(hour=11)}
    window["planned_at"] = None
    default = {"id": "r", "label": {}, "responsible_id": CHU, "elsewhere": [], **window, **facts}
    return SimpleNamespace(**{**default, "points": [point("101"), point("102")], **more})


@pytest.mark.rule("A17", "A18")
@pytest.mark.clause("G10")
def test_missed_checkpoints_are_a_lead_and_a_reasoned_skip_speaks_for_the_guard():
    skip = {"at": "2026-11-24T10:20:00.000Z", "by_id": CHU, "reason": "locked"}
    round_ = patrol(skips={"102": skip})
    (lead,) = missed_point_leads([round_], [], NOON)
    assert (lead.code, lead.person_id, lead.text) == ("missed_point", CHU, "101")
    assert (
        missed_point_leads(
            [patrol(disposed={code: {"disposition": "reason"} for code in ("101", "102")})],
            [],
            NOON,
        )
        == []
    )
    facts = excusing_facts(lead, LeadContext(rounds=[round_]))
    told = [(fact["code"], fact["text"], fact.get("reason")) for fact in facts]
    assert told == [("skipped", "102", "locked"), ("off_duty", "", None)]
    rain = SimpleNamespace(id="w", reported_at=NOON, areas=["a"])
    others = {"102": {"at": "2026-11-24T10:30:00.000Z", "by_id": ANA, "flags": []}}
    (helped,) = missed_point_leads([patrol(scans=others)], [], NOON)
    codes = [fact["code"] for fact in excusing_facts(helped, LeadContext(weather=[rain]))]
    assert codes == ["helped", "off_duty", "weather"]


def ticket(**more):
    empty = dict.fromkeys(("promised_at", "reaction", "feedback_at", "merged_into"))
    who = {"first_responder_id": ANA, "steward_id": CHU, "number": "1"}
    default = {"id": "t", "matter": "report", "opened_at": NOON, "marks": {}, **who}
    return SimpleNamespace(**{**empty, **default, **more})


def inspection(**more):
    default = {"id": "i", "code": "IT-01", "label": {}, "person": CHU, "results": {}, "slot": "s"}
    times = {"inspected_at": NOON, "official_at": None, "of_self": False}
    return SimpleNamespace(**{**default, **times, "score": 1000, **more})


@pytest.mark.rule("A19")
@pytest.mark.clause("G6")
def test_what_may_damage_the_companys_image_is_a_lead():
    poor = {"feedback_at": NOON, "reaction": "satisfied"}
    tickets = [
        *(
            ticket(),
            ticket(id="c", matter="complaint"),
            ticket(id="m", matter="complaint", merged_into="c"),
        ),
        *(ticket(id="p", marks={"reception": "poor"}, **poor), ticket(id="g", **poor)),
        ticket(id="u", feedback_at=NOON, reaction="unsatisfied"),
    ]
    inspections = [
        inspection(id="ok", slot="1"),
        inspection(id="bad", slot="2", score=599),
        inspection(id="it", slot="3", code="IT-09", results={"a": "fail"}),
        inspection(id="own", slot="4", score=0, of_self=True),
    ]
    leads = image_leads(tickets, inspections)
    assert sorted((lead.code, lead.id, lead.person_id) for lead in leads) == sorted(
        [
            *(("complaint", "c", None), ("poor_rating", "p", ANA), ("poor_rating", "u", CHU)),
            *(("poor_mark", "bad", CHU), ("reception", "it", CHU)),
        ]
    )
    assert all(map(is_about_image, leads))
    rated = next(lead for lead in leads if lead.id == "p")
    assert [fact["code"] for fact in excusing_facts(rated, LeadContext())] == ["satisfied"]
