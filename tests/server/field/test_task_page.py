"""The page of a task on the phone."""

from __future__ import annotations

import pytest

from tests.phone_templates import render_page
from tests.sync.builders import ANA


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("now", "word"),
    [("2026-11-24T05:00:00.000Z", "due"), ("2026-11-24T09:00:00.000Z", "Planned late")],
)
def test_a_task_that_was_planned_late_is_shown_before_and_after_its_end(now, word):
    task = {
        **{"id": "t", "code": "CL-05", "label": "Sweep", "area": "Stairs", "area_id": "a"},
        **{"state": "open", "items": [], "photos": [], "responsible_id": ANA},
        **dict.fromkeys(("window_end", "until"), "2026-11-24T08:00:00.000Z"),
        **dict.fromkeys(("window_start", "planned_at"), "2026-11-24T04:00:00.000Z"),
    }
    html = render_page(
        "task",
        {
            "records": {
                "task": [task],
                **{name: [] for name in ("person", "card", "template", "area")},
            },
            "me": {"id": ANA, "name": "Ana", "roles": ["cleaner"]},
            **{"args": {"id": "t"}, "now": now, "page": "task", "lang": "en", "people": []},
            **{"phone": {}, "sending": {"state": "all_sent"}},
        },
    )
    assert word in html
