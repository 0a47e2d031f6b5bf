"""Two packs side by side: the differences put into the one make the other."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.training.pack_diff import apply_diff, by_code, diff_packs
from tests.sync.training.test_content_packs import CARDS


@pytest.mark.rule("Z11")
@settings(deadline=None)
@given(CARDS)
def test_equal_packs_do_not_differ_in_whatever_order(cards):
    assert not diff_packs(cards, cards[::-1])


@pytest.mark.rule("Z11")
@settings(deadline=None)
@given(CARDS, CARDS, st.data())
def test_the_differences_put_into_the_one_make_the_other(before, after, data):
    kept = [card for card in before if data.draw(st.booleans())]
    after = list(by_code([*kept, *after]).values())
    found = diff_packs(before, after)
    assert apply_diff(found, before) == sorted(after, key=lambda card: card["code"])
    assert bool(found) == (by_code(before) != by_code(after))
    back = diff_packs(after, before)
    assert (back.added, back.withdrawn) == (found.withdrawn, found.added)


@pytest.mark.rule("Z11")
def test_a_change_tells_only_the_fields_that_differ_before_and_after():
    title = {"zh": "甲", "en": "A"}
    blank = {"phrase": None, "order": 0, "clause": None, "prompts": [], "approaches": []}
    card = {"code": "A-1", "group": "fees", "title": title, "body": title, **blank}
    (change,) = diff_packs([card], [{**card, "order": 3}]).changed
    assert (change.card["code"], dict(change.fields)) == ("A-1", {"order": (0, 3)})
