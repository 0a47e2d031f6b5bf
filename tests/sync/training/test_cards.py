"""Cards, and the content of the handbook."""

import re

import pytest

from sync import KINDS, RECORD_TYPES, Accepted, Contested, Merged, Quarantined, Refused
from sync.protocol.roles import DESK_ONLY_AUDIENCE, ROLES
from sync.training.cards import GROUPS, card_id
from sync.training.handbook import load_handbook
from tests.sync.builders import BEN, InMemoryRecord, make_op

HAN_PATTERN = re.compile(r"[\u4e00-\u9fff]")
CARDS = {card["code"]: card for card in load_handbook().cards}
TITLE = {"zh": "收费", "en": "Fees"}


def cards_of_group(name):
    return [card for card in load_handbook().cards if card["group"] == name]


def cards_of_clause(clause):
    return [card for card in load_handbook().cards if card["clause"] == clause]


def added_card(**payload):
    """A card that was added."""
    card = InMemoryRecord("card")
    card.apply(
        make_op("card.add", payload={"code": "FE-01", "group": "fees", "title": TITLE, **payload})
    )
    return card


def apply_op(card, op):
    """Apply an op and its followups to a card. Returns the verdict on the op."""
    verdict = card.apply(op)
    for followup in getattr(verdict, "followups", ()):
        card.apply(followup)
    return verdict


@pytest.mark.clause("A1")
def test_etiquette_is_a_group_of_three_cards():
    assert [card["clause"] for card in cards_of_group("etiquette")] == ["A2", "A3", "A4"]


@pytest.mark.clause("A3")
def test_the_five_phrases_have_ten_characters_and_five_types():
    phrases = sorted(cards_of_group("phrases"), key=lambda card: card["code"])
    assert [card["code"] for card in phrases] == [f"PC-0{n}" for n in range(1, 6)]
    characters = "".join(card["phrase"] for card in phrases)
    assert len(HAN_PATTERN.findall(characters)) == len(characters) == 10
    assert {card["title"]["zh"] for card in phrases} == {"问候", "请求", "感谢", "抱歉", "道别"}
    assert [card["phrase"] for card in phrases] == ["你好", "请", "谢谢", "对不起", "再见"]


@pytest.mark.rule("C9")
@pytest.mark.clause("A2")
@pytest.mark.clause("A4")
@pytest.mark.clause("D2")
@pytest.mark.clause("D3")
@pytest.mark.parametrize("clause", ["A2", "A4", "D2", "D3", *(f"C{n}" for n in range(1, 14))])
def test_each_clause_with_a_text_has_a_card_in_both_languages(clause):
    cards = cards_of_clause(clause)
    assert cards
    for card in cards:
        assert HAN_PATTERN.search(card["body"]["zh"]) and not HAN_PATTERN.search(card["body"]["en"])
        assert len(card["body"]["en"]) > 40


@pytest.mark.clause("D4")
@pytest.mark.clause("F18")
@pytest.mark.clause("F20")
@pytest.mark.rule("C5")
@pytest.mark.parametrize("code", ["CASE-02", "SV-01", "FE-01", "CO-01", "ES-01"])
def test_a_card_without_content_waits_until_it_has_a_text(code):
    card = InMemoryRecord("card")
    card.apply(make_op("card.add", payload=CARDS[code]))
    assert RECORD_TYPES["card"].state(vars(card.row)) == "awaiting"
    apply_op(card, make_op("card.revise", payload={"body": {"zh": "有了", "en": "Here"}}))
    assert RECORD_TYPES["card"].state(vars(card.row)) == "ready"
    apply_op(card, make_op("card.revise", payload={"body": {"zh": " ", "en": ""}}))
    assert RECORD_TYPES["card"].state(vars(card.row)) == "awaiting"


@pytest.mark.clause("F17")
def test_every_group_of_the_handbook_has_a_card():
    assert {card["group"] for card in load_handbook().cards} == set(GROUPS)
    flow = [
        card["clause"] for card in sorted(cards_of_group("flow"), key=lambda card: card["code"])
    ]
    assert flow == ["A2", "A2", "A2", "B3", "B3", "B3", "H1-H7", "F1-F3", "E2"]


@pytest.mark.clause("F19")
def test_every_role_has_a_job_role_card():
    posts = {card["code"]: card for card in cards_of_group("posts")}
    assert posts.keys() == {f"PO-{role.upper()}" for role in ROLES}
    assert all("Answers to: " in card["body"]["en"] for card in posts.values())
    assert all("听谁的" in card["body"]["zh"] for card in posts.values())


@pytest.mark.rule("C1")
def test_a_card_is_identified_by_its_code():
    card = added_card(pack="ours 1")
    assert (card.row.edition, card.row.pack, card.row.status) == (1, "ours 1", "awaiting")
    assert card_id(BEN, "FE-01") == card_id(BEN, "FE-01") != card_id(BEN, "FE-02")
    again = make_op("card.add", payload={"code": "FE-01", "group": "fees", "title": TITLE})
    assert card.apply(again) == Refused("already-exists")


@pytest.mark.parametrize(
    "invalid",
    [
        {"group": "gossip"},
        {"code": "fe 1"},
        {"title": {"zh": "", "en": "x"}},
        {"title": {"zh": ""}},
        {"title": {}},
        {"title": {"Chinese": "x"}},
        {"body": {"zh": "x" * 2001, "en": ""}},
        {"body": {"zh": "a\x00b", "en": ""}},
        {"body": {"zh": "\ud800", "en": ""}},
        {"order": -1},
        {"order": 1.5},
        {"status": "ready"},
    ],
)
def test_a_card_out_of_bounds_is_malformed(invalid):
    assert added_card(**invalid).row is None
    payload = {"code": "FE-01", "group": "fees", "title": TITLE, **invalid}
    assert InMemoryRecord("card").apply(make_op("card.add", payload=payload)) == Quarantined(
        "malformed"
    )


@pytest.mark.rule("C2")
@pytest.mark.rule("C3")
def test_two_revisions_of_other_fields_are_merged_and_count_as_two_editions():
    card = added_card(pack="ours 1")
    body = {"zh": "每月", "en": "Monthly"}
    assert isinstance(
        apply_op(card, make_op("card.revise", payload={"body": body}, base=1)), Accepted
    )
    assert (card.row.edition, card.row.pack) == (2, None)
    verdict = apply_op(card, make_op("card.revise", by=BEN, payload={"clause": "F18"}, base=1))
    assert isinstance(verdict, Merged) and verdict.rule == "other-fields"
    assert (card.row.edition, card.row.body, card.row.clause) == (3, body, "F18")
    other = {"body": {"zh": "每年", "en": "Yearly"}}
    assert isinstance(apply_op(card, make_op("card.revise", payload=other, base=1)), Contested)
    assert (card.row.edition, card.row.body) == (3, body)
    assert apply_op(card, make_op("card.revise", payload={})) == Refused("nothing-changed")


def test_resolving_a_conflict_makes_a_new_edition():
    card = added_card()
    text = {"body": {"zh": "甲", "en": "A"}, "status": "ready"}
    apply_op(card, make_op("card.amend", payload=text))
    assert (card.row.edition, card.row.status, card.row.body["en"]) == (2, "ready", "A")


@pytest.mark.rule("C4")
def test_a_withdrawn_card_leaves_the_phones_and_cannot_be_revised():
    card = added_card()
    audience = RECORD_TYPES["card"].audience(vars(card.row), lambda _: frozenset())
    assert audience == (1 << len(ROLES)) - 1
    card.apply(make_op("card.withdraw", minutes=5))
    assert (
        RECORD_TYPES["card"].audience(vars(card.row), lambda _: frozenset()) == DESK_ONLY_AUDIENCE
    )
    assert RECORD_TYPES["card"].state(vars(card.row)) == "withdrawn"
    assert card.apply(make_op("card.revise", payload={"order": 3})) == Refused("withdrawn")
    assert card.apply(make_op("card.withdraw")) == Refused("withdrawn")


def test_withdrawing_a_card_with_an_unseen_text_is_contested():
    card = added_card()
    apply_op(card, make_op("card.revise", payload={"title": {"zh": "新", "en": "New"}}, base=1))
    assert isinstance(card.apply(make_op("card.withdraw", base=1)), Contested)
    assert card.row.withdrawn_at is None


def test_only_managers_and_administrators_change_cards_at_the_desk():
    for name in ("card.add", "card.revise", "card.withdraw"):
        assert KINDS[name].roles == {"manager", "admin"} and not KINDS[name].from_phones
