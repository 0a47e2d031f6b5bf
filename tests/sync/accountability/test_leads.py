"""Leads: facts that somebody should answer for, and the excusing facts beside them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sync.accountability.leads import (
    Lead,
    LeadContext,
    excusing_facts,
    flagged_scan_leads,
    leads_without_case,
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
