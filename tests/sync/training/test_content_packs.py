"""Content packs: out as one file, in again the same, and nothing else gets in."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.protocol.hash_chain import content_hash
from sync.protocol.redaction import mask_id_numbers
from sync.training.cards import GROUPS
from sync.training.content_packs import (
    COMPARED_FIELDS,
    MAX_CARDS,
    MAX_PACK_BYTES,
    InvalidPack,
    Pack,
    compare_with_site,
    read_pack,
    serialize_pack,
)
from sync.training.handbook import HANDBOOK_PATH, load_handbook

CHARACTERS = st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n")
TEXT = st.text(CHARACTERS, max_size=60)
WORD = st.text(CHARACTERS, min_size=1, max_size=20)
CODE = st.from_regex(r"[A-Z0-9][A-Z0-9_-]{0,8}", fullmatch=True)
APPROACH = st.fixed_dictionaries(
    {
        "key": st.sampled_from("ABC"),
        "endorsed": st.booleans(),
        "label": st.fixed_dictionaries({"zh": WORD, "en": WORD}),
        "why": st.fixed_dictionaries({"zh": TEXT, "en": TEXT}),
    }
)
CARD = st.fixed_dictionaries(
    {
        "code": CODE,
        "group": st.sampled_from(GROUPS),
        "title": st.fixed_dictionaries({"zh": WORD, "en": WORD}),
        "body": st.fixed_dictionaries({"zh": TEXT, "en": TEXT}),
        "phrase": st.none() | WORD,
        "order": st.integers(0, 9999),
        "clause": st.none() | st.text(CHARACTERS, max_size=20),
        "prompts": st.lists(st.fixed_dictionaries({"zh": WORD, "en": WORD}), max_size=2),
        "approaches": st.lists(APPROACH, max_size=2),
    }
)
CARDS = st.lists(CARD, max_size=8, unique_by=lambda card: card["code"])


def pack(cards, version="1"):
    return Pack("ours", version, "MIT", tuple(cards))


def site_cards(cards, label="ours 1"):
    """The cards as a site keeps them after it took them in."""
    return [SimpleNamespace(**card, pack=label, withdrawn_at=None) for card in cards]


def with_hash(**changed):
    file = {**json.loads(serialize_pack(pack([]))), **changed}
    return json.dumps({**file, "hash": content_hash(file)}).encode()


@pytest.mark.rule("C6")
@settings(deadline=None)
@given(CARDS, st.randoms(use_true_random=False))
def test_what_goes_out_comes_in_again_and_the_order_does_not_matter(cards, dice):
    first = serialize_pack(pack(cards))
    dice.shuffle(cards)
    assert serialize_pack(pack(cards)) == first
    back = read_pack(first.encode())
    assert isinstance(back, Pack) and back.label == "ours 1"
    wanted = sorted((mask_id_numbers(card) for card in cards), key=lambda card: card["code"])
    assert list(back.cards) == wanted
    assert serialize_pack(back) == serialize_pack(read_pack(serialize_pack(back).encode()))


@pytest.mark.rule("C8")
@settings(deadline=None)
@given(CARDS, CARDS)
def test_taking_in_twice_changes_nothing(before, cards):
    taken = read_pack(serialize_pack(pack(cards, "2")).encode())
    site = {
        card.code: card
        for card in site_cards(read_pack(serialize_pack(pack(before)).encode()).cards)
    }
    for one in compare_with_site(taken, site.values()):
        assert one.state in ("new", "changed", "unchanged")
        assert (one.state == "unchanged") == (one.installed is not None and not one.fields)
        site[one.card["code"]] = site_cards([one.card], "ours 2")[0]
    assert {one.state for one in compare_with_site(taken, site.values())} <= {"unchanged"}
    assert site.keys() == {card["code"] for card in (*before, *cards)}


@pytest.mark.rule("C8")
def test_what_somebody_here_wrote_or_withdrew_is_asked_about():
    (card,) = (card for card in load_handbook().cards if card["code"] == "FE-01")
    own = {**card, "body": {"zh": "每月五日", "en": "By the fifth"}}
    for label in (None, "another 1"):
        (found,) = compare_with_site(pack([card]), site_cards([own], label))
        assert (found.state, found.fields) == ("conflict", ["body"])
    (gone,) = site_cards([card])
    gone.withdrawn_at = "2026-11-24"
    assert compare_with_site(pack([card]), [gone])[0].state == "withdrawn"
    assert compare_with_site(pack([card], "2"), site_cards([own]))[0].state == "changed"


def test_the_handbook_is_a_pack_like_any_other():
    assert serialize_pack(load_handbook()) == HANDBOOK_PATH.read_text("utf-8")
    assert len({card["order"] for card in load_handbook().cards}) == len(load_handbook().cards)
    assert all(set(card) == {"code", *COMPARED_FIELDS} for card in load_handbook().cards)


DEEP_JSON = b"[" * 100_000 + b"]" * 100_000
TITLE = {"zh": "甲", "en": "A"}
DUPLICATE_CODES = [{"code": "A-1", "group": "fees", "title": TITLE}] * 2
TOO_MANY_CARDS = [{"code": f"A-{n}", "group": "fees", "title": TITLE} for n in range(MAX_CARDS + 1)]


@pytest.mark.rule("C7")
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b" " * (MAX_PACK_BYTES + 1), "too-big"),
        (b"", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"PK\x03\x04 a spreadsheet", "not-json"),
        (DEEP_JSON, "not-json"),
        (b'{"lodge_pack": 1, "x": NaN}', "not-json"),
        (b'{"lodge_pack": 1, "x": 1.5}', "not-json"),
        (b"[]", "not-a-pack"),
        (b'{"name": "x"}', "not-a-pack"),
        (b'{"lodge_pack": 3}', "newer-pack"),
        (serialize_pack(pack([])).replace("MIT", "mine").encode(), "altered"),
        (with_hash(sections={"cards": DUPLICATE_CODES}), "code-twice"),
        (with_hash(sections={"cards": TOO_MANY_CARDS}), "malformed-pack"),
        (
            with_hash(sections={"cards": [{**DUPLICATE_CODES[0], "group": "gossip"}]}),
            "malformed-pack",
        ),
        (with_hash(sections={"cards": [{**DUPLICATE_CODES[0], "secret": 1}]}), "malformed-pack"),
        (with_hash(sections={"cards": ["x"]}), "malformed-pack"),
        (with_hash(sections={"cards": "x"}), "malformed-pack"),
        (with_hash(sections=[]), "malformed-pack"),
        (with_hash(name="two words"), "malformed-pack"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(raw, code):
    wrong = read_pack(raw)
    assert isinstance(wrong, InvalidPack) and wrong.code == code


def test_a_fault_is_named_with_its_card_and_field():
    wrong = read_pack(with_hash(sections={"cards": [{**DUPLICATE_CODES[0], "group": "gossip"}]}))
    assert wrong.where == "A-1 · group"
    assert read_pack(with_hash(sections={"cards": DUPLICATE_CODES})).where == "A-1"


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_file_whatever_breaks_the_reader(raw):
    assert isinstance(read_pack(raw), InvalidPack)


def test_what_this_lodge_does_not_know_is_named_and_left_out():
    found = read_pack(with_hash(sections={"cards": [], "inspections": [{"code": "IT-01"}]}))
    assert found.unknown_sections == ("inspections",)


def test_a_pack_of_the_first_format_is_read_as_it_is():
    card = {"code": "FE-01", "group": "fees", "title": TITLE}
    found = read_pack(with_hash(lodge_pack=1, sections={"cards": [card]}))
    assert isinstance(found, Pack)
    assert (found.cards[0]["prompts"], found.cards[0]["approaches"]) == ([], [])
