"""The page of an accountability case on the phone of its subject."""

from __future__ import annotations

import pytest

from tests.phone_templates import render_page
from tests.sync.builders import ANA

NOW = "2026-11-24T12:00:00.000Z"


def render(other_phones, **more):
    case = {"id": "c", "state": "asked", "answers_id": ANA, "code": "AC-1", "label": {"en": "x"}}
    empty = dict.fromkeys(("asked_at", "answer_until", "appealed_at", "stated_at", "decided_at"))
    lists = {"facts": [], "statements": [], "appeals": []}
    context = {
        "records": {"case": [{**case, **empty, **lists, **more}]},
        "me": {"id": ANA, "name": "Ana", "roles": ["cleaner"]},
        "args": {"id": "c"},
        "now": NOW,
        "page": "case",
        "lang": "en",
        "sending": {"state": "all_sent"},
        "phone": {},
        "other_phones": other_phones,
    }
    return render_page("case", context)


@pytest.mark.rule("J6")
def test_a_case_names_the_phones_that_were_not_heard_from():
    silent = {"label": "Guards 2", "clear_at": "2026-11-24T02:00:00.000Z"}
    told = {"at": NOW, "known": True, "unheard": [silent]}
    html = render(told)
    assert "Not everything has arrived from these phones" in html and "Guards 2" in html
    assert "Not known which other phones" in render({"at": None, "known": False, "unheard": []})
    assert "Guards 2" not in render(told, decided_at=NOW, state="decided", finding="partly")
    many = [{"label": f"Phone {n}", "clear_at": None} for n in range(15)]
    assert "and 3 more" in render({**told, "unheard": many})
