"""What the page of a task offers: the card of its standard, and reasons for skipping it."""

from __future__ import annotations

import pytest

from tests.phone_templates import render_page
from tests.sync.builders import ANA

TASK = {
    **{"id": "t", "code": "X-7", "label": {"en": "Polish"}, "area_id": "a", "state": "open"},
    **{"window_start": "2026-11-24T01:00:00.000Z", "window_end": "2026-11-24T09:00:00.000Z"},
    **{"until": "2026-11-24T09:00:00.000Z", "photos": [], "items": []},
}


def shown(card, **more):
    lists = {"task": [TASK | more], **{key: [] for key in ("person", "template", "area")}}
    me = {"id": ANA, "name": "Ana", "roles": ["cleaner"]}
    context = {
        **{"records": lists | {"card": [card] if card else []}, "me": me, "args": {"id": "t"}},
        **{"page": "task", "lang": "en", "now": "2026-11-24T02:00:00.000Z"},
        **{"people": [], "phone": {}, "sending": {"state": "all_sent", "count": 0}},
    }
    return render_page("task", context)


@pytest.mark.clause("F18")
@pytest.mark.parametrize(
    ("named", "linked"),
    [({"code": "X-7"}, True), ({"clause": "X-7"}, True), ({"code": "X-8"}, False)],
)
def test_a_task_of_a_site_s_own_standard_leads_to_its_card(named, linked):
    card = {"id": "c", "group": "standards", "title": {"en": "Brass"}, "order": 1, "standards": []}
    assert ("/field/card/c" in shown(card | {"code": "ST-1", "clause": None} | named)) is linked


@pytest.mark.rule("T5")
def test_a_reason_in_own_words_is_shown_as_it_was_said():
    skipped = {"state": "skipped", "skip_reason": "dog in the yard"}
    page = shown({}, **skipped)
    assert "Skipped: dog in the yard" in page
    offered = shown({})
    assert offered.count('action="/field/ops/task.skip/t"') == 2
    assert '<input name="reason" required maxlength="120"' in offered
