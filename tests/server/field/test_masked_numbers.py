"""No page of the phone shows the number of a person before somebody taps it."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.browser.random_records import NOW, page_context
from tests.phone_templates import render_page

NUMBER, MASKED = "13812345678", "138****5678"
PAGES = sorted(
    path.stem
    for path in Path("templates/field").glob("*.html")
    if path.stem not in ("shell", "base")
)
TEXTS = {
    "visit": {"phone": NUMBER, "note": f"Call {NUMBER} first"},
    "ticket": {"contact": f"Mr Li {NUMBER}", "details": f"Leak, call {NUMBER}"},
    "lost": {"contact": NUMBER, "details": f"A key, {NUMBER}"},
    "shift": {"items": {"ticket:1": f"Leak, call {NUMBER}"}},
}
"""Fields of each type in which a number stands."""

TO_BE_CHANGED = re.compile(r'<textarea name="details".*?</textarea>', re.DOTALL)
"""Where somebody changes the text with the number."""

IN_TIMELINE = {f"timeline.{n}.{name}" for n in range(3) for name in ("said", "next_action", "note")}
RENDERED = 12
"""Random phones for each page."""


def timeline(type_: str) -> list[dict[str, Any]]:
    said = {"text": f"Call {NUMBER}", "said": NUMBER, "next_action": NUMBER, "note": NUMBER}
    kinds = ["follow", "inform"] if type_ == "ticket" else ["tell", "next", "state"]
    return [{"kind": kind, "at": NOW, "by": "Lei", **said} for kind in kinds]


def with_numbers(context: dict[str, Any]) -> dict[str, Any]:
    for type_, texts in TEXTS.items():
        for record in [context[type_], *context["records"][type_]]:
            record.update(texts, number="3047128", timeline=timeline(type_))
    return context


def pages_of(name: str) -> list[str]:
    """A page with random phones, about each record of the phone that has a number."""
    rng = Random(name)
    html = []
    for _ in range(RENDERED):
        context = with_numbers(page_context(rng, "en"))
        context["me"] = context["people"][0]
        rows = [row for type_ in TEXTS for row in context["records"][type_]]
        context["args"]["id"] = rng.choice(rows)["id"] if rows else "none"
        html.append(render_page(name, context))
    return html


@pytest.mark.rule("A28")
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_an_unmasked_number(name: str) -> None:
    for html in pages_of(name):
        assert NUMBER not in TO_BE_CHANGED.sub("", html)
        assert "1381234" not in TO_BE_CHANGED.sub("", html), "cut off before it was masked"


@pytest.mark.rule("A28")
@pytest.mark.parametrize(
    ("page", "type_", "fields"),
    [
        ("visit", "visit", {"phone", "note"}),
        ("ticket", "ticket", {"contact", "details", "timeline.1.text", "timeline.0.text"}),
        ("lost_property_case", "lost", {"contact", "details", *IN_TIMELINE}),
        ("jobs", "ticket", {"contact", "details"}),
        ("arrears_account", "ticket", {"contact"}),
    ],
)
def test_one_tap_on_the_page_of_a_record_shows_its_numbers(
    page: str, type_: str, fields: set[str]
) -> None:
    context = with_numbers(page_context(Random(page), "en"))
    me = {**context["people"][0], "id": "me", "roles": ["repair", "service_desk"]}
    row = {**context[type_], "id": "x", "handler_id": "me", "about": "x", "state": "open"}
    account = {**context["arrears"], "id": "x"}
    records = context["records"] | {type_: [row], "arrears": [account]}
    args = {**context["args"], "id": "x"}
    html = render_page(page, context | {"records": records, "me": me, "args": args})
    shown = re.findall(
        rf'data-reveal="access.number" data-type="{type_}"\s+data-record="x" data-field="([\w.]+)"',
        html,
    )
    assert set(shown) == fields and MASKED in html


@pytest.mark.rule("A28")
def test_a_ticket_is_still_found_by_the_whole_number() -> None:
    context = with_numbers(page_context(Random("tickets"), "en"))
    row = {**context["ticket"], "id": "x", "details": "Leak", "state": "open"}
    for query, is_found in ((NUMBER, True), ("13900000000", False)):
        args = {"q": query}
        more = {"records": context["records"] | {"ticket": [row]}, "me": context["people"][0]}
        html = render_page("tickets", context | more | {"args": args})
        found = html.replace(f'value="{NUMBER}"', "")  # what was typed
        assert ('href="/field/ticket/x"' in found.partition('name="q"')[2]) == is_found
        assert NUMBER not in found
