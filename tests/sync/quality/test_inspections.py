"""Inspections: scores, flags, corrective actions, and which of two is official."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import Accepted, Quarantined, Refused
from sync.quality.checklists_content import CHECKLISTS, checklist_id, criterion_id
from sync.quality.inspection_rules import SCORE_FORMULA, official_inspection, score_results
from sync.quality.scores import official_inspections, score_series, undecided_slots
from tests.sync.builders import ANA, BEN, CHU, InMemoryRecord, make_op

STAIRS = str(uuid4())
CODES = {content["code"]: content for content in CHECKLISTS}


def checklist(code="IT-01", **more):
    """A seeded checklist as a record."""
    template = InMemoryRecord("template")
    template.apply(make_op("template.add", payload={**CODES[code], **more}))
    template.row.code = code
    return template


def record_inspection(template, by=BEN, minutes=0, edition=1, record=None, **more):
    """Record an inspection of a stairwell or a person. Returns the verdict and the record."""
    record = record or InMemoryRecord("inspection")
    subject = str(uuid4())
    subject_field = {} if "person" in more else {"area": STAIRS}
    payload = {"template_id": subject, "edition": edition, **subject_field, **more}
    op = make_op("inspection.record", subject, by=by, minutes=minutes, payload=payload)
    op = replace(op, v=2, related={subject: template.row} if template else {})
    verdict = record.apply(op)
    if record.row:
        record.row.id = subject
    return verdict, record.row


@pytest.mark.rule("I1")
def test_a_revision_makes_a_new_edition_and_keeps_the_old_one():
    template = checklist()
    heavier = [{**CODES["IT-01"]["items"][0], "weight": 3}]
    template.apply(make_op("template.revise", payload={"items": heavier}))
    assert template.row.edition == 2
    assert [len(template.row.versions[n]) for n in ("1", "2")] == [4, 1]
    assert template.apply(make_op("template.revise", payload={"items": heavier})) == Refused(
        "nothing-changed"
    )
    renamed = template.apply(
        make_op("template.revise", payload={"label": {"zh": "楼", "en": "Stairs"}})
    )
    assert "edition" not in renamed.changes


@pytest.mark.rule("I1")
def test_criterion_ids_are_unique():
    twice = [CODES["IT-05"]["items"][0]] * 2
    template = checklist()
    assert template.apply(make_op("template.revise", payload={"items": twice})) == Quarantined(
        "malformed"
    )


@pytest.mark.rule("I2")
def test_a_retired_checklist_is_neither_revised_nor_retired_again():
    template = checklist()
    assert isinstance(template.apply(make_op("template.retire")), Accepted)
    for kind, payload in (("template.retire", {}), ("template.revise", {"items": []})):
        assert template.apply(make_op(kind, payload=payload)) == Refused("already-retired")
    _, row = record_inspection(template, rest="pass")
    assert row.score == 1000


@pytest.mark.rule("I3")
def test_unnamed_criteria_are_not_assessed_or_have_the_result_of_the_rest():
    _, row = record_inspection(checklist(), results={"corners": "fail"})
    assert (row.score, row.possible) == (0, 1)
    _, row = record_inspection(checklist(), results={"corners": "fail", "piled": "na"}, rest="pass")
    assert (row.score, row.gained, row.possible) == (667, 2, 3)
    _, row = record_inspection(checklist())
    assert row.score is None and row.results == {}


@pytest.mark.rule("I4")
@given(st.lists(st.tuples(st.integers(1, 100), st.sampled_from(["pass", "fail", "na", None]))))
def test_the_score_matches_exact_fractions(weighted_results):
    criteria = [{"id": str(n), "weight": weight} for n, (weight, _) in enumerate(weighted_results)]
    results = {str(n): result for n, (_, result) in enumerate(weighted_results) if result}
    applied = [(w, r) for w, r in weighted_results if r in ("pass", "fail")]
    score = score_results(criteria, results).per_mille
    if not applied:
        assert score is None
        return
    exact = Fraction(sum(w for w, r in applied if r == "pass"), sum(w for w, _ in applied)) * 1000
    whole, fraction = divmod(exact, 1)
    assert score == whole + (fraction >= Fraction(1, 2))


@pytest.mark.rule("I4")
def test_an_inspection_is_scored_by_the_edition_that_was_used():
    template = checklist("IT-02")
    litter, corners = template.row.items
    heavier = [{**litter, "weight": 9}, corners]
    template.apply(make_op("template.revise", payload={"items": heavier}))
    results = {"litter": "pass", "corners": "fail"}
    scores = [record_inspection(template, edition=n, results=results)[1].score for n in (1, 2)]
    assert scores == [500, 900]
    _, row = record_inspection(template, edition=2, results=results)
    assert row.formula == SCORE_FORMULA == "pass-weight/1"


@pytest.mark.rule("I5")
def test_unknown_editions_and_criteria_are_stored_and_flagged():
    for template, edition in ((None, 1), (checklist(), 7)):
        verdict, row = record_inspection(template, edition=edition, results={"corners": "pass"})
        assert verdict.flag == "unknown-edition"
        assert row.score is None and row.results == {"corners": "pass"}
    verdict, row = record_inspection(checklist(), results={"lamps": "fail", "piled": "pass"})
    assert verdict.flag == "unknown-items"
    assert (row.score, row.results["lamps"], verdict.followups) == (1000, "fail", ())


@pytest.mark.rule("I5")
def test_an_inspection_has_exactly_one_subject():
    for about in ({}, {"area": STAIRS, "person": ANA}):
        payload = {"template_id": STAIRS, "edition": 1, **about}
        verdict = InMemoryRecord("inspection").apply(make_op("inspection.record", payload=payload))
        assert verdict == Quarantined("malformed")


@pytest.mark.clause("B1")
@pytest.mark.rule("I6")
def test_a_self_inspection_is_stored_and_never_official():
    verdict, row = record_inspection(checklist("IT-07"), by=CHU, person=CHU, rest="pass")
    assert verdict.flag == "self-inspection"
    assert (row.score, row.of_self, row.assessor_id) == (1000, True, CHU)
    record = InMemoryRecord("inspection", row)
    assert record.apply(make_op("inspection.make_official", row.id, by=BEN)) == Refused(
        "self-inspection"
    )
    assert official_inspection([row]) is None


@pytest.mark.clause("C9")
@pytest.mark.rule("I7")
def test_each_failed_stairwell_criterion_raises_one_corrective_action():
    template = checklist("IT-01")
    assert len(template.row.items) == 4
    for item in template.row.items:
        results = {"results": {item["id"]: "fail"}, "rest": "pass"}
        verdict, row = record_inspection(template, **results, actions={item["id"]: "rectify"})
        (raised,) = verdict.followups
        assert (raised.kind, raised.payload["item"]) == ("rectification.raise", item["id"])
        assert row.actions == {item["id"]: "rectify"}


@pytest.mark.clause("C9")
@pytest.mark.rule("I7")
@pytest.mark.parametrize("actions", [{}, {"piled": "fixed"}, {"piled": "noted"}])
def test_nobody_is_asked_for_a_fix_that_the_inspector_did_not_ask_for(actions):
    verdict, _ = record_inspection(checklist(), rest="fail", actions=actions)
    assert verdict.followups == ()


@pytest.mark.rule("I7")
def test_the_inspector_chooses_who_fixes_it():
    chosen = {"actions": {"piled": "rectify", "posted": "rectify"}, "assign": {"piled": CHU}}
    verdict, _ = record_inspection(checklist(), rest="fail", **chosen)
    responsible = {one.payload["item"]: one.payload["responsible_id"] for one in verdict.followups}
    assert responsible == {"piled": CHU, "posted": None}


@pytest.mark.rule("I7")
@pytest.mark.rule("X7")
def test_an_inspection_of_an_older_phone_asks_for_a_fix_of_each_failure():
    template, subject = checklist(), str(uuid4())
    payload = {"template_id": subject, "edition": 1, "area": STAIRS, "rest": "fail"}
    op = make_op("inspection.record", subject, payload={**payload, "waive": ["piled"]}, v=1)
    verdict = InMemoryRecord("inspection").apply(replace(op, related={subject: template.row}))
    items = {followup.payload["item"] for followup in verdict.followups}
    assert items == {"corners", "posted", "cobwebs"}
    assert not {"actions", "performers", "task_id"} & verdict.changes.keys()


@pytest.mark.rule("I7")
def test_the_desk_asks_later_for_a_fix_of_what_failed():
    _, row = record_inspection(checklist(), results={"piled": "fail", "posted": "pass"})
    record = InMemoryRecord("inspection", row)
    due = {"responsible_id": ANA, "due_at": "2026-12-01T12:00:00Z"}
    verdict = record.apply(make_op("inspection.rectify", row.id, payload={"item": "piled", **due}))
    (raised,) = verdict.followups
    action = InMemoryRecord("rectification")
    action.apply(raised)
    assert (action.row.responsible_id, f"{action.row.due_at:%m-%d}") == (ANA, "12-01")
    for item in ("posted", "lamps"):
        refused = record.apply(make_op("inspection.rectify", row.id, payload={"item": item}))
        assert refused == Refused("not-failed")


@pytest.mark.clause("B2")
@pytest.mark.rule("I6")
@pytest.mark.parametrize("how", ["named", "credited", "helped"])
def test_whoever_did_the_work_does_not_assess_it(how):
    template, task = checklist("IT-08"), str(uuid4())
    work = SimpleNamespace(done_by_id=CHU, helper_ids=[ANA])
    by = ANA if how == "helped" else CHU
    more = {"performers": [CHU]} if how == "named" else {"task_id": task}
    subject = str(uuid4())
    payload = {"template_id": subject, "edition": 1, "area": STAIRS, "rest": "pass", **more}
    op = make_op("inspection.record", subject, by=by, payload=payload)
    op = replace(op, v=2, related={subject: template.row, task: work})
    assert InMemoryRecord("inspection").apply(op).flag == "self-inspection"
    second_person = replace(op, id=str(uuid4()), by=BEN)
    verdict = InMemoryRecord("inspection").apply(second_person)
    assert (verdict.flag, verdict.changes["of_self"]) == (None, False)


@pytest.mark.rule("I7")
def test_photos_of_a_criterion_belong_to_inspection_and_corrective_action():
    shot, other = "a" * 64, "b" * 64
    more = {"results": {"piled": "fail"}, "notes": {"piled": "a sofa"}}
    more["actions"] = {"piled": "rectify"}
    verdict, row = record_inspection(checklist(), shots={"piled": [shot]}, photos=[other], **more)
    assert row.photos == [other, shot]
    (raised,) = verdict.followups
    assert (raised.payload["before"], raised.payload["finding"]) == ([shot], "a sofa")


@pytest.mark.rule("I8")
def test_two_inspections_of_a_day_stay_undecided_until_one_is_official():
    template = checklist()
    rows = []
    for minutes, by in ((0, BEN), (5, CHU)):
        _, row = record_inspection(template, by=by, minutes=minutes, rest="pass")
        row.slot = "same"
        rows.append(row)
    assert undecided_slots(rows) == [rows] and official_inspections(rows) == []
    assert official_inspections(rows[:1]) == rows[:1]
    first, second = (InMemoryRecord("inspection", row) for row in rows)
    first.apply(make_op("inspection.make_official", minutes=10))
    assert official_inspection(rows) is rows[0] and undecided_slots(rows) == []
    instead = make_op("inspection.make_official", minutes=20, payload={"instead_of": rows[0].id})
    verdict = second.apply(replace(instead, related={rows[0].id: rows[0]}))
    assert [followup.subject for followup in verdict.followups] == [rows[0].id]
    first.apply(verdict.followups[0])
    assert official_inspection(rows) is rows[1] and rows[0].official_at is None
    assert second.apply(make_op("inspection.make_official")) == Refused("already-official")
    second.apply(make_op("inspection.unmake_official", minutes=30))
    assert undecided_slots(rows) == [rows]
    assert second.apply(make_op("inspection.unmake_official")) == Refused("not-official")


@pytest.mark.rule("I8")
def test_of_two_official_inspections_the_later_choice_counts():
    pair = [
        SimpleNamespace(id=str(n), slot="x", of_self=False, official_at=n, inspected_at=0)
        for n in (1, 2)
    ]
    for order in itertools.permutations(pair):
        assert official_inspection(order).id == "2"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1000)), max_size=12))
def test_the_mean_of_a_series_matches_exact_fractions(scored):
    rows = [
        SimpleNamespace(
            **{"id": f"{n:02}", "slot": str(n), "of_self": False, "official_at": None},
            **{"inspected_at": n, "score": score, "area": area},
        )
        for n, (area, score) in enumerate(scored)
    ]
    series_by_key = {series.key: series for series in score_series(rows, lambda row: row.area)}
    assert series_by_key.keys() == {area for area, _ in scored}
    for area, series in series_by_key.items():
        scores = [score for place, score in scored if place == area]
        assert abs(series.mean - Fraction(sum(scores), len(scores))) <= Fraction(1, 2)
        assert series.last == scores[-1]
        assert series.change == (scores[-1] - scores[-2] if len(scores) > 1 else None)


COUNTS = [
    pytest.param("IT-01", 4, {"C9"}, marks=pytest.mark.clause("C9")),
    pytest.param("IT-02", 2, {"C4"}, marks=pytest.mark.clause("C4")),
    pytest.param("IT-03", 5, {"C13"}, marks=pytest.mark.clause("C13")),
    pytest.param("IT-04", 0, set(), marks=pytest.mark.clause("C11")),
    pytest.param("IT-05", 1, {"D1"}, marks=pytest.mark.clause("D1")),
    pytest.param("IT-06", 2, {"D2", "D3"}, marks=pytest.mark.clause("D2")),
    pytest.param("IT-07", 8, {"B1", "B4"}, marks=pytest.mark.clause("B4")),
    pytest.param("IT-08", 3, {"B2"}, marks=pytest.mark.clause("B2")),
    pytest.param("IT-09", 9, {"A2", "A4", "B3"}, marks=pytest.mark.clause("A2")),
    pytest.param("IT-10", 6, None, marks=pytest.mark.clause("F8")),
]


@pytest.mark.rule("I12")
@pytest.mark.parametrize(("code", "count", "clauses"), COUNTS)
def test_the_seeded_checklists_have_the_criteria_of_the_rulebook(code, count, clauses):
    items = checklist(code).row.items
    assert len(items) == len({item["id"] for item in items}) == count
    assert clauses is None or {item["clause"] for item in items} == clauses
    assert all(item["label"]["zh"] and item["label"]["en"] for item in items)


@pytest.mark.clause("A4")
@pytest.mark.clause("D3")
@pytest.mark.rule("I12")
@pytest.mark.parametrize("code", ["IT-06", "IT-07", "IT-09"])
def test_each_criterion_takes_every_result_and_a_note(code):
    template = checklist(code)
    for item, result in itertools.product(template.row.items, ("pass", "fail", "na")):
        payload = {"results": {item["id"]: result}, "notes": {item["id"]: "as seen"}}
        verdict, row = record_inspection(template, person=ANA, **payload)
        assert verdict.flag is None
        assert (row.results, row.notes) == (payload["results"], payload["notes"])
        assert row.score == {"pass": 1000, "fail": 0, "na": None}[result]


@pytest.mark.clause("B1")
@pytest.mark.clause("C13")
@pytest.mark.rule("I12")
@pytest.mark.parametrize("code", ["IT-03", "IT-07"])
def test_an_added_criterion_has_an_id_derived_from_its_words(code):
    template, site = checklist(code), str(uuid4())
    cap = {"zh": "帽子", "en": "Cap"}
    new = criterion_id(checklist_id(site, code), cap)
    assert new == criterion_id(checklist_id(site, code), dict(cap))
    more = [*template.row.items, {"id": new, "label": {"zh": "帽子", "en": "Cap"}}]
    template.apply(make_op("template.revise", payload={"items": more}))
    _, row = record_inspection(template, edition=2, person=CHU, results={new: "fail"}, rest="pass")
    assert row.gained == row.possible - 1 == len(CODES[code]["items"])


@pytest.mark.clause("C11")
def test_an_empty_checklist_cannot_be_used():
    verdict, row = record_inspection(checklist("IT-04"), rest="pass")
    assert verdict.flag == "unknown-edition" and row.score is None
