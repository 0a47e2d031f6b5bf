"""The board: unfinished work, tasks not known yet, silent phones, and the cheap poll."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

from sqlalchemy import event, update

from server.db.engine import db, write_transaction
from server.models.access import Device
from server.models.tasks import Task
from tests import seed_data


def poll_url(page) -> str:
    """The address that the board polls."""
    return unescape(re.search(r'hx-get="([^"]+)"', page.text)[1])


def end_task_now(app) -> None:
    """Let Ana's task end one second ago: an earlier moment could fall on another day."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    with app.app_context(), write_transaction():
        db.session.execute(
            update(Task)
            .where(Task.id == seed_data.TASK)
            .values(window_end=past, window_start=past - timedelta(minutes=5))
        )


def update_devices(app, **values) -> None:
    with app.app_context(), write_transaction():
        db.session.execute(update(Device).values(values))


def test_the_board_names_people_with_unfinished_tasks(ben, app):
    end_task_now(app)
    page = ben.get("/desk/?", headers={"Accept-Language": "en"}).text
    assert "Not finished yet" in page
    assert "Ana" in page and "Stairs" in page


def test_a_task_is_unknown_until_every_phone_has_reported(app, ben, new_phone):
    new_phone()
    end_task_now(app)
    now = datetime.now(UTC)
    long_ago = {"enrolled_at": now - timedelta(days=1), "seen_at": now - timedelta(hours=5)}
    update_devices(app, **long_ago, clear_at=None)
    area = f"/desk/today/{seed_data.STAIRS}"
    assert 'data-state="unknown"' in ben.get(area).text
    update_devices(app, clear_at=now, seen_at=now)
    text = ben.get(area).text
    assert 'data-state="unknown"' not in text and 'data-state="missed"' in text


def test_the_board_shows_the_last_report_of_a_silent_phone(app, ben, phone):
    phone.add_op("task.complete", seed_data.TASK, by=seed_data.ANA)
    phone.hello()
    update_devices(app, seen_at=datetime.now(UTC) - timedelta(hours=5))
    page = ben.get("/desk/", headers={"Accept-Language": "en"}).text
    assert "Test phone" in page and "1 to send" in page and "5 h ago" in page


def test_a_poll_without_changes_is_one_select_and_204(app, ben):
    address = poll_url(ben.get("/desk/"))
    said = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda c, u, s, *rest: said.append(s))
    answer = ben.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert len([s for s in said if s.startswith("SELECT")]) == 1, said


def test_a_poll_after_a_task_is_done_returns_the_board(app, ben, desk_op):
    address = poll_url(ben.get("/desk/"))
    desk_op("task.complete", seed_data.TASK, by=seed_data.ANA)
    answer = ben.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="board"')
    assert "<html" not in answer.text


def test_a_poll_after_a_hello_returns_the_board(app, ben, phone):
    address = poll_url(ben.get("/desk/"))
    phone.hello()
    assert ben.get(address).status_code == 200


def test_a_poll_after_the_board_expires_returns_the_board(ben):
    head = poll_url(ben.get("/desk/")).rpartition("%7C")[0]
    assert ben.get(f"{head}%7C2020-01-01T00:00:00+00:00").status_code == 200


def test_a_poll_with_an_invalid_head_returns_the_board(ben):
    assert ben.get("/desk/today/news?head=%00%7C%7C").status_code == 200
