"""Content packs: export and import give the same cards, and invalid files are refused."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
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
    """The cards as a site stores them after an import."""
    return [SimpleNamespace(**card, pack=label, withdrawn_at=None) for card in cards]


def with_hash(**changed):
    file = {**json.loads(serialize_pack(pack([]))), **changed}
    return json.dumps({**file, "hash": content_hash(file)}).encode()


@pytest.mark.rule("C6")
@given(CARDS, st.randoms(use_true_random=False))
def test_export_and_import_give_the_same_cards_in_any_order(cards, dice):
    first = serialize_pack(pack(cards))
    dice.shuffle(cards)
    assert serialize_pack(pack(cards)) == first
    imported = read_pack(first.encode())
    assert isinstance(imported, Pack) and imported.label == "ours 1"
    expected = sorted((mask_id_numbers(card) for card in cards), key=lambda card: card["code"])
    assert list(imported.cards) == expected
    assert serialize_pack(imported) == serialize_pack(read_pack(serialize_pack(imported).encode()))


@pytest.mark.rule("C8")
@given(CARDS, CARDS)
def test_importing_a_pack_twice_changes_nothing_the_second_time(before, cards):
    imported = read_pack(serialize_pack(pack(cards, "2")).encode())
    site = {
        card.code: card
        for card in site_cards(read_pack(serialize_pack(pack(before)).encode()).cards)
    }
    for comparison in compare_with_site(imported, site.values()):
        assert comparison.state in ("new", "changed", "unchanged")
        assert (comparison.state == "unchanged") == (
            comparison.installed is not None and not comparison.fields
        )
        site[comparison.card["code"]] = site_cards([comparison.card], "ours 2")[0]
    assert {comparison.state for comparison in compare_with_site(imported, site.values())} <= {
        "unchanged"
    }
    assert site.keys() == {card["code"] for card in (*before, *cards)}


@pytest.mark.rule("C8")
def test_cards_written_or_withdrawn_at_the_site_are_conflicts():
    (card,) = (card for card in load_handbook().cards if card["code"] == "FE-01")
    edited = {**card, "body": {"zh": "每月五日", "en": "By the fifth"}}
    for label in (None, "another 1"):
        (comparison,) = compare_with_site(pack([card]), site_cards([edited], label))
        assert (comparison.state, comparison.fields) == ("conflict", ["body"])
    (withdrawn,) = site_cards([card])
    withdrawn.withdrawn_at = "2026-11-24"
    assert compare_with_site(pack([card]), [withdrawn])[0].state == "withdrawn"
    assert compare_with_site(pack([card], "2"), site_cards([edited]))[0].state == "changed"


def test_the_handbook_is_a_valid_pack():
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
def test_an_invalid_file_is_refused_with_the_reason(raw, code):
    result = read_pack(raw)
    assert isinstance(result, InvalidPack) and result.code == code


def test_an_error_is_located_by_card_and_field():
    result = read_pack(with_hash(sections={"cards": [{**DUPLICATE_CODES[0], "group": "gossip"}]}))
    assert result.where == "A-1 · group"
    assert read_pack(with_hash(sections={"cards": DUPLICATE_CODES})).where == "A-1"


@given(st.binary(max_size=400))
def test_random_bytes_are_an_invalid_pack(raw):
    assert isinstance(read_pack(raw), InvalidPack)


def test_unknown_sections_are_listed_and_ignored():
    pack_ = read_pack(with_hash(sections={"cards": [], "inspections": [{"code": "IT-01"}]}))
    assert pack_.unknown_sections == ("inspections",)


def test_a_pack_of_format_1_is_read_with_defaults():
    card = {"code": "FE-01", "group": "fees", "title": TITLE}
    pack_ = read_pack(with_hash(lodge_pack=1, sections={"cards": [card]}))
    assert isinstance(pack_, Pack)
    assert (pack_.cards[0]["prompts"], pack_.cards[0]["approaches"]) == ([], [])
