"""What a form offers to be tapped is recorded as a code, never as the word that the person read."""

from __future__ import annotations

import re

import pytest

from server.desk.labels import value_labels
from tests.phone_templates import render_page
from tests.sync.builders import ANA
from tests.test_repository_layout import ROOT

CHOICE = re.compile(
    r"<(?P<tag>button|option|input)\b(?P<attributes>(?:[^>{]|\{\{.*?\}\}|\{%.*?%\}|\{)*+)>"
    r"(?P<text>.*?)</",
    re.DOTALL,
)
VALUE = re.compile(r'value="\{\{-?\s*(.*?)\s*-?\}\}"', re.DOTALL)
TRANSLATED = re.compile(r"\b(_|pgettext|ngettext|value_label|say)\b")
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def recorded_words(source: str) -> list[str]:
    """The values of choices in a template that are words: translated, or what the person reads."""
    found = []
    for choice in CHOICE.finditer(source):
        typed = choice["tag"] == "input" and not re.search(
            r'type="(radio|checkbox)"', choice["attributes"]
        )
        value = VALUE.search(choice["attributes"])
        if value and not typed:
            shown = re.fullmatch(r"\s*\{\{-?\s*(.*?)\s*-?\}\}\s*", choice["text"], re.DOTALL)
            if TRANSLATED.search(value[1]) or (
                shown and shown[1] == value[1] and value[1].isidentifier()
            ):
                found.append(value[1])
    return found


def test_words_as_values_are_found():
    assert recorded_words('<button name="a" value="{{ word }}">{{ word }}</button>') == ["word"]
    assert recorded_words("""<input type="radio" value="{{ _('Yes') }}">{{ x }}</label>""")
    assert recorded_words('<button value="{{ c }}">{{ c|value_label("a", "b") }}</button>') == []


@pytest.mark.rule("T5", "N3", "S1")
def test_no_choice_is_recorded_in_the_language_of_the_reader():
    words = {path.name: recorded_words(path.read_text(encoding="utf-8")) for path in TEMPLATES}
    assert {name: found for name, found in words.items() if found} == {}


@pytest.mark.rule("S1")
def test_a_reason_for_no_work_clothes_is_read_in_each_language(app):
    shift = {
        **{"id": "s", "person_id": ANA, "state": "open", "opened_at": "2026-11-24T01:00:00.000Z"},
        **{"until": "9999", "uniform": False, "note": "being_washed"},
    }
    lists: dict[str, list[object]] = {name: [] for name in ("task", "ticket", "visit", "round")}
    html = render_page(
        "shift",
        {
            "records": {"shift": [shift], **lists},
            "me": {"id": ANA, "name": "Ana", "roles": ["cleaner"]},
            **{"args": {}, "now": "2026-11-24T02:00:00.000Z", "page": "shift", "lang": "en"},
            **{"people": [], "phone": {}, "sending": {"state": "all_sent", "count": 0}},
        },
    )
    assert "No work clothes: Being washed" in html
    with app.test_request_context(headers={"Accept-Language": "zh"}):
        assert value_labels("shift", "note")["being_washed"] == "在洗"


@pytest.mark.rule("K2", "S3")
def test_a_ticket_of_a_tapped_category_alone_is_named_by_it():
    """Before it is sent, such a ticket has no details at all."""
    ticket = {
        **{"id": "t", "number": "T-1", "category": "leaking", "details": None},
        **{"state": "received", "handler_id": ANA, "opened_at": "2026-11-24T01:00:00.000Z"},
    }
    lists: dict[str, list[object]] = {name: [] for name in ("task", "visit", "round")}
    shift = {
        **{"id": "s", "person_id": ANA, "state": "open", "opened_at": "2026-11-24T01:00:00.000Z"},
        **{"until": "9999", "uniform": True},
    }
    html = render_page(
        "shift",
        {
            "records": {"shift": [shift], "ticket": [ticket], **lists},
            "me": {"id": ANA, "name": "Ana", "roles": ["cleaner"]},
            **{"args": {}, "now": "2026-11-24T02:00:00.000Z", "page": "shift", "lang": "en"},
            **{"people": [], "phone": {}, "sending": {"state": "all_sent", "count": 0}},
        },
    )
    assert html.count("T-1 leaking") == 2 and "None" not in html
    assert 'name="open_items.ticket:t" value="T-1"' in html
