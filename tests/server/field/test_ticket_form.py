"""The form of a new ticket on the phone: what is filled in beforehand."""

from __future__ import annotations

import re

import pytest

from tests.phone_templates import render_page
from tests.sync.builders import ANA


def tickets_page(args, **records):
    names = ("ticket", "area", "unit", "task", "round", "shift", "card")
    return render_page(
        "tickets",
        {
            "records": {**{name: [] for name in names}, **records},
            "me": {"id": ANA, "name": "Ana", "roles": ["service_desk"]},
            **{"args": args, "now": "2026-11-24T12:00:00.000Z", "today": "2026-11-24"},
            **{"page": "tickets", "lang": "en", "people": [], "phone": {}},
            "sending": {"state": "all_sent"},
        },
    )


def chosen_channel(args):
    return re.findall(r'name="channel" value="(\w+)" checked', tickets_page(args))


@pytest.mark.rule("K2", "K6")
@pytest.mark.clause("A2", "F12")
def test_a_complaint_at_the_reception_is_not_something_that_we_found():
    assert chosen_channel({}) == ["on_round"]
    complaint = {"about_type": "visit", "about": "v", "matter": "complaint"}
    assert chosen_channel(complaint) == ["in_person"]


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [
        *[
            (typed, True)
            for typed in ("T-ABCD2345", "t abcd2345", "ＡＢＣＤ２３", "t—abcd", " 1380\u200b000")
        ],
        *[(typed, True) for typed in ("3–2–501", "Leak")],
        ("T-ABCD2346", False),
    ],
)
def test_a_ticket_is_found_by_any_part_in_any_spelling(typed, is_found):
    empty = dict.fromkeys(("category", "area", "unit", "promised_at", "handler", "handler_id"))
    ticket = {"id": "one", "number": "T-ABCD2345", "numbers": ["T-ABCD2345"], "state": "closed"}
    more = {
        "contact": "13800001111",
        "details": "Leak in 3-2-501",
        "opened_at": "2026-11-24T12:00:00.000Z",
    }
    html = tickets_page({"q": typed}, ticket=[{**empty, **ticket, **more}])
    assert ("/field/ticket/one" in html) is is_found
