"""The form of a new ticket on the phone: what is filled in beforehand."""

from __future__ import annotations

import re

import pytest

from tests.phone_templates import render_page
from tests.sync.builders import ANA


def chosen_channel(args):
    names = ("ticket", "area", "unit", "task", "round", "shift", "card")
    html = render_page(
        "tickets",
        {
            "records": {name: [] for name in names},
            "me": {"id": ANA, "name": "Ana", "roles": ["service_desk"]},
            **{"args": args, "now": "2026-11-24T12:00:00.000Z", "today": "2026-11-24"},
            **{"page": "tickets", "lang": "en", "people": [], "phone": {}},
            "sending": {"state": "all_sent"},
        },
    )
    return re.findall(r'name="channel" value="(\w+)" checked', html)


@pytest.mark.rule("K2", "K6")
@pytest.mark.clause("A2", "F12")
def test_a_complaint_at_the_reception_is_not_something_that_we_found():
    assert chosen_channel({}) == ["on_round"]
    complaint = {"about_type": "visit", "about": "v", "matter": "complaint"}
    assert chosen_channel(complaint) == ["in_person"]
