"""Work that is due whatever the time of day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.db.engine import db
from server.maintenance.demo import demo_id
from server.oplog.receive import make_op, submit_many
from tests.conftest import create_test_app

GARDEN = demo_id("squirrel", "garden")
HOUR = timedelta(hours=1)
WINDOWS = {
    "day one": (-HOUR, 6 * HOUR),
    "day two": (-2 * HOUR, 5 * HOUR),
    "overdue": (-30 * HOUR, -HOUR),
    "week": (-50 * HOUR, 60 * HOUR),
    "upkeep": (-HOUR, 6 * HOUR),
}


@pytest.fixture
def garden_tasks(live_server):
    """The ids of Ana's work in the garden, by name."""
    url = f"sqlite:///{live_server.folder / 'var' / 'lodge.sqlite3'}"
    app, now = create_test_app(url, live_server.folder / "var"), datetime.now(UTC)
    ops = [
        make_op(
            "task.plan",
            demo_id("garden", name),
            {
                "schedule_id": None,
                "code": "X-1",
                "label": {"zh": name, "en": name},
                "area_id": GARDEN,
                "responsible_id": demo_id("squirrel", "ana"),
                "window_start": (now + begins).isoformat(),
                "window_end": (now + ends).isoformat(),
                "standing": name == "upkeep",
            },
        )
        for name, (begins, ends) in WINDOWS.items()
    ]
    with app.app_context():
        assert {answer["status"] for answer in submit_many(demo_id("squirrel"), ops)} == {"applied"}
        db.session.remove()
        db.engine.dispose()
    return {name: demo_id("garden", name) for name in WINDOWS}
