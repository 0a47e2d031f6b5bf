"""The texts that come with Lodge never send a resident elsewhere and never offer a search."""

import re
from pathlib import Path

import pytest

from sync.training.handbook import load_handbook

ROOT = Path(__file__).parents[3]
FORBIDDEN_PHRASES = (
    *("搜查", "(?<!不)搜身", "搜包", "搜房", "翻包", "翻宿舍", "检查宿舍", "检查房间", "打开包"),
    *("请联系", "请自行", "自行联系", "自己去找", "直接去找", "直接找", "去找承包", "找他们公司"),
    *("不归我们管", "不关我们", "与我们无关", "不是我们的事", "没有证据，办不了"),
    r"(?<!police may )search(ing)? (an?|the|his|her|their|every|\S+'s) (person|bag|room|pockets)",
    r"search of (persons|rooms)",
    r"(please|should) (contact|call|ring|go to|ask) (the|your|their) (contractor|company|firm)",
    r"(contact|ask|call) (them|the contractor|the firm|the company) (yourself|themselves|directly)",
    r"(is )?none of our business",
    r"not our (business|matter|problem|job)",
)
FORBIDDEN_PATTERN = re.compile("|".join(FORBIDDEN_PHRASES), re.IGNORECASE)


def instructions_of(card):
    """The texts of a card without the wrong approaches, which are shown as wrong."""
    endorsed = [approach for approach in card["approaches"] if approach["endorsed"]]
    labels = [
        card["title"],
        card["body"],
        *card["prompts"],
        *(approach["label"] for approach in endorsed),
    ]
    labels += [approach["why"] for approach in card["approaches"]]
    return [card["phrase"] or "", *(text for label in labels for text in label.values())]


@pytest.mark.rule("Z10")
@pytest.mark.clause("E3", "E5", "F3")
@pytest.mark.parametrize("card", load_handbook().cards, ids=lambda card: card["code"])
def test_no_card_sends_a_resident_elsewhere_or_offers_a_search(card):
    assert [text for text in instructions_of(card) if FORBIDDEN_PATTERN.search(text)] == []


@pytest.mark.rule("Z10")
@pytest.mark.clause("E5", "F3")
def test_no_page_and_no_translation_does_either():
    files = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("server/desk/pages/*.py")]
    files += ROOT.glob("server/translations/**/*.po")
    assert len(files) > 50
    matches = {
        file.name: hits[0]
        for file in files
        if (hits := FORBIDDEN_PATTERN.search(file.read_text("utf-8")))
    }
    assert matches == {}


@pytest.mark.parametrize(
    "text",
    [
        "我们去搜查他的宿舍",
        "请联系有线电视公司",
        "Please contact the contractor",
        "Search the room",
    ],
)
def test_forbidden_phrases_are_found(text):
    assert FORBIDDEN_PATTERN.search(text)


@pytest.mark.clause("E7")
def test_the_case_study_has_two_questions_and_three_approaches():
    cards = {card["code"]: card for card in load_handbook().cards}
    assert len(cards["CASE-01"]["prompts"]) == 2
    assert len(cards["CASE-01"]["approaches"]) == 3
    assert not any(cards["CASE-02"]["body"].values()) and not cards["CASE-02"]["prompts"]


@pytest.mark.clause("E2")
def test_the_card_for_lost_personal_data_says_what_to_suspend():
    (card,) = (card for card in load_handbook().cards if card["code"] == "LP-01")
    assert "挂失手机卡" in card["body"]["zh"] and "suspend the SIM" in card["body"]["en"]
