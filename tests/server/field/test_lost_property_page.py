"""The page of a lost item on the phone: who was in the home."""

from __future__ import annotations

import re

import pytest

from tests.phone_templates import render_page
from tests.sync.builders import ANA

NOW, EARLIER = "2026-11-24T12:00:00.000Z", "2026-11-24T09:00:00.000Z"
HOME = "2d2d2d2d-0000-4000-8000-000000000001"


def entry(id_, **more):
    empty = dict.fromkeys(("out_at", "visit", "worker", "worker_id", "contractor", "who", "party"))
    default = {"unit": HOME, "state": "inside", "in_at": EARLIER, "recorded_at": EARLIER}
    return {"id": id_, "purpose": "repair", **empty, **default, **more}


def visit(id_, visitor, **more):
    default = {"host_unit": HOME, "arrived_at": EARLIER, "departed_at": NOW, "purpose": "service"}
    return {"id": id_, "visitor": visitor, "firm": None, **default, **more}


def render(entries, visits, **more):
    case = {"id": "l", "state": "reported", "item": "Ring", "unit": HOME, "opened_at": EARLIER}
    names = ("contact", "declined_because", "last_seen_at", "last_seen_where", "next_action")
    empty = dict.fromkeys((*names, "next_action_at", "outcome", "holds_personal_data", "details"))
    lists: dict[str, list[object]] = {"timeline": [], "photos": []}
    records = {"entry": entries, "visit": visits, "unit": [], "contractor": [], "card": []}
    context = {
        "records": {"lost": [{**case, **empty, **lists, **more}], **records},
        "me": {"id": ANA, "name": "Ana", "roles": ["service_desk"]},
        **{"args": {"id": "l"}, "now": NOW, "page": "lost_property_case", "lang": "en"},
        **{"people": [], "phone": {}, "sending": {"state": "all_sent"}, "today": "2026-11-24"},
        "other_phones": {"at": NOW, "known": True, "unheard": []},
    }
    return render_page("lost_property_case", context)


def sent(html, name):
    pairs = re.findall(rf'name="{name}\.([^"]*)"\s+value="([^"]*)"', html)
    return dict(pairs)


@pytest.mark.rule("Q3")
@pytest.mark.clause("E1", "E6")
def test_the_list_of_a_phone_joins_home_entries_and_visits():
    """A visit that an entry names is listed once, and so is a person who was there twice."""
    entries = [entry("e", worker="Lu", visit="named"), entry("s", worker="Ma", state="struck")]
    visits = [visit("named", "Lu"), visit("again", "Lu"), visit("v", "Tang", firm="Water Ltd")]
    elsewhere = visit("x", "Bo", host_unit="other")
    expected = visit("y", "Ai", arrived_at=None)
    html = render(entries, [*visits, elsewhere, expected])
    assert set(sent(html, "entries")) == {"e", "again", "v"}
    assert sent(html, "parties") == {"|Lu": "Lu", "|Tang": "Tang (Water Ltd)"}
    assert sent(html, "purposes") == {"e": "repair", "again": "service", "v": "service"}


@pytest.mark.clause("F12")
def test_a_telephone_number_with_a_digit_too_few_is_doubted():
    hint = "a digit may be missing or too many"
    assert hint in render([], [], contact="1390000123")
    assert hint not in render([], [], contact="13900001234")
