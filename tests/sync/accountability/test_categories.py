"""Categories: published, read, put out of use; never deleted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync import KINDS, RECORD_TYPES, Accepted, Quarantined, Refused
from sync.accountability.categories_content import CATEGORIES
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.protocol.roles import DESK_ONLY_AUDIENCE
from tests.sync.builders import ANA, BEN, CHU, NOON, InMemoryRecord, make_op

CATEGORY_KINDS = [name for name, kind in KINDS.items() if kind.type == "category"]


def added_category(content=CATEGORIES[0], by=SERVER_AUTHOR_ID):
    category = InMemoryRecord("category")
    category.apply(make_op("category.add", by=by, payload=content, minutes=-10))
    return category


def category_state(category):
    return RECORD_TYPES["category"].state(vars(category.row))


@pytest.mark.rule("A1")
@pytest.mark.clause("G3", "G4", "G5", "G6", "G7", "G8", "G9")
def test_the_pack_has_the_six_categories_with_their_sub_codes_and_an_open_one():
    codes = {one["code"]: [sub["code"] for sub in one["subs"]] for one in CATEGORIES}
    assert codes.pop("AC-1") == ["1a", "1b"]
    assert codes.pop("AC-2") == ["2a", "2b", "2c"]
    assert codes == {"AC-3": [], "AC-4": [], "AC-5": [], "AC-6": [], "AC-X": []}
    assert [one["code"] for one in CATEGORIES if one["with_amount"]] == ["AC-6"]
    for one in CATEGORIES:
        assert added_category(one).row.seeded
        assert re.search("[\u4e00-\u9fff]", one["text"]["zh"])


@pytest.mark.rule("A1")
@pytest.mark.clause("G9")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(CATEGORY_KINDS), st.sampled_from((ANA, BEN))), max_size=8)
)
def test_whatever_is_done_to_a_seeded_category_it_stays_with_its_words(deeds):
    category = added_category()
    before = {name: getattr(category.row, name) for name in ("code", "label", "text", "subs")}
    for kind, by in deeds:
        payload = CATEGORIES[1] if kind == "category.add" else {}
        verdict = category.apply(make_op(kind, by=by, payload=payload))
        assert not getattr(verdict, "tombstone", False)
        assert category.row.seeded
        assert {name: getattr(category.row, name) for name in before} == before


def test_a_category_of_the_site_s_own_has_codes_of_its_own():
    own = {**CATEGORIES[0], "code": "AC-7", "subs": [{**CATEGORIES[0]["subs"][0], "code": "7a"}]}
    assert not added_category(own, BEN).row.seeded
    twice = {**own, "subs": own["subs"] * 2}
    assert isinstance(
        InMemoryRecord("category").apply(make_op("category.add", payload=twice)), Quarantined
    )


@pytest.mark.rule("A2")
def test_nobody_but_the_desk_sees_it_before_it_is_published():
    category = added_category()
    audience = RECORD_TYPES["category"].audience
    assert category_state(category) == "unpublished"
    assert audience(vars(category.row), None) == DESK_ONLY_AUDIENCE
    category.apply(make_op("category.publish", by=BEN))
    assert (category_state(category), audience(vars(category.row), None) & 127) == ("active", 127)
    assert category.apply(make_op("category.publish", by=BEN)) == Refused("already-published")


@pytest.mark.rule("A1", "A2")
def test_out_of_use_and_in_use_again_it_is_the_same_rule():
    category = added_category()
    category.apply(make_op("category.publish", by=BEN))
    category.apply(make_op("category.acknowledge", by=ANA, minutes=5))
    category.apply(make_op("category.deactivate", by=BEN, minutes=10))
    assert category_state(category) == "inactive"
    assert category.apply(make_op("category.deactivate", by=BEN)) == Refused("already-deactivated")
    assert isinstance(category.apply(make_op("category.publish", by=BEN, minutes=20)), Accepted)
    assert category.row.published_at == NOON
    assert list(category.row.acknowledged) == [ANA]


@pytest.mark.rule("A2")
def test_the_first_acknowledgement_counts_whatever_arrives_first():
    ops = [
        make_op("category.acknowledge", by=by, minutes=n)
        for by, n in ((ANA, 9), (ANA, 3), (CHU, 5))
    ]
    ends = []
    for order in (ops, ops[::-1]):
        category = added_category()
        category.apply(make_op("category.publish", by=BEN))
        for one in order:
            category.apply(replace(one, id=one.id))
        ends.append(category.row.acknowledged)
    assert ends[0] == ends[1]
    assert ends[0][ANA].startswith("2026-11-24T12:03")
