"""The differences between two packs, applied to the one, give the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.training.pack_diff import apply_diff, by_code, diff_packs
from tests.sync.training.test_content_packs import CARDS


@pytest.mark.rule("Z11")
@given(CARDS)
def test_equal_packs_have_no_differences_in_any_order(cards):
    assert not diff_packs(cards, cards[::-1])


@pytest.mark.rule("Z11")
@given(CARDS, CARDS, st.data())
def test_applying_the_differences_to_the_one_gives_the_other(before, after, data):
    common = [card for card in before if data.draw(st.booleans())]
    after = list(by_code([*common, *after]).values())
    diff = diff_packs(before, after)
    assert apply_diff(diff, before) == sorted(after, key=lambda card: card["code"])
    assert bool(diff) == (by_code(before) != by_code(after))
    reverse = diff_packs(after, before)
    assert (reverse.added, reverse.withdrawn) == (diff.withdrawn, diff.added)


@pytest.mark.rule("Z11")
def test_a_change_lists_only_the_fields_that_differ():
    title = {"zh": "甲", "en": "A"}
    empty = {"phrase": None, "order": 0, "clause": None, "prompts": [], "approaches": []}
    card = {"code": "A-1", "group": "fees", "title": title, "body": title, **empty}
    (change,) = diff_packs([card], [{**card, "order": 3}]).changed
    assert (change.card["code"], dict(change.fields)) == ("A-1", {"order": (0, 3)})
