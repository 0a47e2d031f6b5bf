"""Categories: published, acknowledged, deactivated, and never deleted."""

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
def test_the_seeded_categories_are_six_with_their_items_and_an_open_one():
    codes = {content["code"]: [sub["code"] for sub in content["subs"]] for content in CATEGORIES}
    assert codes.pop("AC-1") == ["1a", "1b"]
    assert codes.pop("AC-2") == ["2a", "2b", "2c"]
    assert codes == {"AC-3": [], "AC-4": [], "AC-5": [], "AC-6": [], "AC-X": []}
    assert [content["code"] for content in CATEGORIES if content["with_amount"]] == ["AC-6"]
    for content in CATEGORIES:
        assert added_category(content).row.seeded
        assert re.search("[\u4e00-\u9fff]", content["text"]["zh"])


@pytest.mark.rule("A1")
@pytest.mark.clause("G9")
@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(CATEGORY_KINDS), st.sampled_from((ANA, BEN))), max_size=8)
)
def test_a_seeded_category_is_never_deleted_or_reworded(actions):
    category = added_category()
    before = {name: getattr(category.row, name) for name in ("code", "label", "text", "subs")}
    for kind, by in actions:
        payload = CATEGORIES[1] if kind == "category.add" else {}
        verdict = category.apply(make_op(kind, by=by, payload=payload))
        assert not getattr(verdict, "tombstone", False)
        assert category.row.seeded
        assert {name: getattr(category.row, name) for name in before} == before


def test_a_category_of_the_site_has_its_own_unique_item_codes():
    own = {**CATEGORIES[0], "code": "AC-7", "subs": [{**CATEGORIES[0]["subs"][0], "code": "7a"}]}
    assert not added_category(own, BEN).row.seeded
    twice = {**own, "subs": own["subs"] * 2}
    assert isinstance(
        InMemoryRecord("category").apply(make_op("category.add", payload=twice)), Quarantined
    )


@pytest.mark.rule("A2")
def test_only_the_desk_sees_an_unpublished_category():
    category = added_category()
    audience = RECORD_TYPES["category"].audience
    assert category_state(category) == "unpublished"
    assert audience(vars(category.row), None) == DESK_ONLY_AUDIENCE
    category.apply(make_op("category.publish", by=BEN))
    assert (category_state(category), audience(vars(category.row), None) & 127) == ("active", 127)
    assert category.apply(make_op("category.publish", by=BEN)) == Refused("already-published")


@pytest.mark.rule("A1", "A2")
def test_a_reactivated_category_keeps_its_acknowledgements():
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
def test_the_first_acknowledgement_counts_in_any_order_of_arrival():
    ops = [
        make_op("category.acknowledge", by=by, minutes=n)
        for by, n in ((ANA, 9), (ANA, 3), (CHU, 5))
    ]
    results = []
    for order in (ops, ops[::-1]):
        category = added_category()
        category.apply(make_op("category.publish", by=BEN))
        for op in order:
            category.apply(replace(op, id=op.id))
        results.append(category.row.acknowledged)
    assert results[0] == results[1]
    assert results[0][ANA].startswith("2026-11-24T12:03")
