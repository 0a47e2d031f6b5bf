"""The monthly disclosure tells the terms that applied in its month, for tasks and for patrols."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from server.oplog.incoming import Source
from server.oplog.receive import make_op, receive_ops
from server.oplog.replay import find_faults
from sync.protocol.clock import SITE_ZONE
from tests.seed_data import ANA, BEN, CHU, EVE, GATE, HOME_SITE, fixed_id, label

EN = {"Accept-Language": "en"}
SCHEDULE, ROUTE, POINT, ROUND = (fixed_id(name) for name in ("s", "route", "p", "round"))
NOW = datetime.now(UTC)
MONTH = NOW.astimezone(SITE_ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
LAST_MONTH = (MONTH - timedelta(days=1)).replace(day=1)
LONG_AGO = MONTH - timedelta(days=90)


def send(app, kind, subject, payload, at, base=None):
    with app.app_context():
        op = make_op(kind, subject, payload, by=EVE, base=base)
        (answer,) = receive_ops(HOME_SITE, [op], Source.for_desk(at.astimezone(UTC))).answers
        assert answer["status"] == "applied"


@pytest.fixture
def changed_schedule(app):
    """A daily duty of Ana that became a weekly one of Ben, under another name, this month."""
    payload = {
        "code": "XX-1",
        "label": label("扫", "Sweep"),
        "area_kind": "gate",
        "rrule": "FREQ=DAILY",
        "window": "P1D",
        "dtstart": LONG_AGO.isoformat(),
        "responsible_id": ANA,
        "active": True,
    }
    send(app, "schedule.add", SCHEDULE, payload, LONG_AGO)
    change = {"rrule": "FREQ=WEEKLY;BYDAY=MO", "responsible_id": BEN, "label": label("刷", "Scrub")}
    send(app, "schedule.change", SCHEDULE, change, MONTH + timedelta(seconds=1), base=1)
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def disclosed(ben, month, code):
    page = ben.get(f"/desk/disclosure/?month={month:%Y-%m}", headers=EN).text
    rows = [row for row in page.split("<tr>") if code in row]
    return " ".join(rows[0].split()) if rows else ""


@pytest.mark.rule("G1")
@pytest.mark.clause("G1")
def test_last_month_tells_its_own_terms(changed_schedule, ben):
    before = disclosed(ben, LAST_MONTH, "XX-1")
    assert "Sweep" in before and "Ana" in before and "every day" in before
    assert "Scrub" not in before and "Ben" not in before and "Mon" not in before
    now = disclosed(ben, MONTH, "XX-1")
    assert "Scrub" in now and "Ben" in now and "from" in now


@pytest.mark.rule("G1")
def test_patrols_are_disclosed_by_checkpoint(app, ben):
    points = [{"checkpoint": POINT, "area_id": GATE, "label": label("门", "Gate"), "code": "101"}]
    route = {"label": label("夜巡", "Night round"), "points": [POINT], "responsible_id": CHU}
    route |= {"rrule": "FREQ=DAILY", "window": "PT1H", "active": True}
    send(app, "route.add", ROUTE, {**route, "dtstart": LONG_AGO.isoformat()}, LONG_AGO)
    end = MONTH - timedelta(days=2)
    window = {"window_start": (end - timedelta(hours=1)).isoformat(), "window_end": end.isoformat()}
    payload = {"route_id": ROUTE, "label": route["label"], "responsible_id": CHU, **window}
    payload["points"] = [{**point, "seals": []} for point in points]
    send(app, "round.plan", ROUND, payload, end - timedelta(days=1))
    row = disclosed(ben, LAST_MONTH, "Night round")
    cells = [cell.partition("</td>")[0] for cell in re.split(r"<td[^>]*>", row)[1:]]
    assert cells[2:] == ["1", "0", "0", "0", "0", "1", "0", "0", "0", "0.0 %"]
