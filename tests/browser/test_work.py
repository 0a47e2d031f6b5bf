"""The day's work on phones: items, ad-hoc work, rain told twice, a report settled on the spot."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from server.db.engine import db
from server.maintenance.demo import demo_id
from server.oplog.receive import submit
from sync.work.standards_content import STANDARDS
from tests.conftest import create_test_app
from tests.phone_page import logged_ops
from tests.wait_for import wait_for


def planned_tasks(live, code):
    """Tasks of a standard as the server has them."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    rows = base.execute("SELECT id, area_id FROM task WHERE code = ?", (code,)).fetchall()
    base.close()
    return rows


def plan_task(live, code, area, **more):
    """A task of a standard, due now, for Ana."""
    (standard,) = (one for one in STANDARDS if one["code"] == code)
    now, task = datetime.now(UTC), demo_id("extra", code)
    payload = {
        "schedule_id": demo_id("squirrel", "schedule", code),
        "code": code,
        "label": standard["label"],
        "items": standard.get("items", []),
        "area_id": demo_id("squirrel", area),
        "responsible_id": demo_id("squirrel", "ana"),
        "window_start": now - timedelta(hours=1),
        "window_end": now + timedelta(hours=6),
        **more,
    }
    app = create_test_app(f"sqlite:///{live.folder / 'var' / 'lodge.sqlite3'}", live.folder / "var")
    with app.app_context():
        assert submit(demo_id("squirrel"), "task.plan", task, payload)["status"] == "applied"
        db.session.remove()
        db.engine.dispose()
    return task


@pytest.mark.clause("B2")
def test_the_flag_is_raised_and_lowered_and_only_the_weather_keeps_it_down(phone_page, live_server):
    task = plan_task(live_server, "FL-01", "gate")
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    items = phone_page.page.locator(f"#task-{task} .item").all_inner_texts()
    assert [item.strip() for item in items] == ["升旗", "降旗"]
    phone_page.open(f"/field/task/{task}")
    reasons = phone_page.page.locator("[name=reason]").all_inner_texts()
    assert len(reasons) == 1
    phone_page.tap("[name=reason]")
    phone_page.wait_for_js(f"document.getElementById('task-{task}').dataset.state == 'skipped'")
    wait_for(lambda: len(logged_ops(live_server, "task.skip")) == 1)
    assert json.loads(logged_ops(live_server, "task.skip")[0][3]) == {"reason": "bad_weather"}


@pytest.mark.clause("B2")
def test_a_raised_flag_is_assessed_by_somebody_else(phone_page, live_server):
    task = plan_task(live_server, "FL-01", "gate")
    phone_page.enrol("ana", "ben")
    phone_page.unlock("ana")
    phone_page.tap(f"#task-{task} .item:nth-child(1) button")
    phone_page.wait_for_js(f"document.getElementById('task-{task}').dataset.state == 'partial'")
    phone_page.open(f"/field/task/{task}")
    link = phone_page.page.locator("a[href*='/field/inspection/']").get_attribute("href")
    assert f"task={task}" in link
    phone_page.open(link)
    legends = phone_page.page.locator("legend").all_inner_texts()
    assert [word for word in ("整齐", "标准", "庄严") if any(word in text for text in legends)] == [
        "整齐",
        "标准",
        "庄严",
    ]


@pytest.mark.clause("C10")
def test_pest_control_is_done_with_its_record(phone_page, live_server):
    task = plan_task(live_server, "CL-09", "garden")
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    phone_page.tap(f"#task-{task} a.tick")
    phone_page.wait_for_js("!!document.querySelector('[name=agent]')")
    names = ("agent", "dose", "method", "firm", "notice")
    for name in names:
        phone_page.page.fill(f"[name={name}]", f"the {name}")
    phone_page.tap("#main form .primary")
    phone_page.wait_for_js(f"document.getElementById('task-{task}').dataset.state == 'done'")
    assert all(f"the {name}" in phone_page.page.locator("#main").inner_text() for name in names)
    live_server.start()
    phone_page.sync_now()
    assert json.loads(logged_ops(live_server, "task.complete")[0][3]) == {
        name: f"the {name}" for name in names
    }


JS_NO_DOUBLE_TAP = "(window.tapped ??= performance.now()) + 1100 < performance.now()"
"""Whether a tap from now on is a second one, not the other half of a double tap."""


@pytest.mark.clause("C3")
def test_a_standing_duty_counts_each_tap_and_takes_back_the_last(phone_page, live_server):
    task = plan_task(live_server, "CL-04", "garden", standing=True)
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    for times in (1, 2):
        phone_page.tap(f"#task-{task} button.tick")
        phone_page.wait_for_js(
            f"document.getElementById('task-{task}').innerText.includes('{times} 次')"
        )
        phone_page.wait_for_js(JS_NO_DOUBLE_TAP)
    assert phone_page.taps == 2
    phone_page.tap("#toast button")
    phone_page.wait_for_js(f"document.getElementById('task-{task}').innerText.includes('1 次')")
    live_server.start()
    phone_page.sync_now()
    phone_page.open("/field/tasks")
    phone_page.wait_for_js(f"document.getElementById('task-{task}').innerText.includes('1 次')")
    assert len(logged_ops(live_server, "task.confirm")) == 2


@pytest.mark.clause("C2")
def test_items_are_ticked_with_one_tap_each_and_taken_back_by_the_same_tap(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    row = phone_page.page.locator(".row[data-state=open]:has(.items)").first.get_attribute("id")
    assert row
    phone_page.tap(f"#{row} .item:nth-child(1) button")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'partial'")
    assert "1/2" in phone_page.page.locator(f"#{row} .mark").first.inner_text()
    phone_page.tap(f"#{row} .item:nth-child(2) button")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'done'")
    assert phone_page.taps == 2
    phone_page.tap(f"#{row} .item:nth-child(2) button")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'partial'")
    assert phone_page.taps == 3
    live_server.start()
    phone_page.sync_now()
    assert [
        json.loads(said)["item"] for _, _, _, said, _ in logged_ops(live_server, "task.tick")
    ] == [0, 1]
    phone_page.open("/field/tasks")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'partial'")


@pytest.mark.clause("G3")
def test_work_goes_from_one_phone_to_another(phone_page, second_phone_page, live_server):
    other = second_phone_page
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    phone_page.tap("a[href='/field/task_assignment']")
    phone_page.wait_for_js("!!document.querySelector('[name=label]')")
    phone_page.fill("[name=label]", "擦会议室")
    phone_page.page.select_option("[name=responsible_id]", demo_id("squirrel", "ana"))
    phone_page.page.select_option("[name=area_id]", demo_id("squirrel", "office"))
    phone_page.fill("[name=reason]", "明天有客人")
    phone_page.tap("#main .primary")
    phone_page.wait_for_js("!!document.querySelector('.said')")
    wait_for(lambda: len(logged_ops(live_server, "task.assign")) == 1)
    other.enrol("ana")
    other.unlock("ana")
    row = f"task-{logged_ops(live_server, 'task.assign')[0][1]}"
    other.wait_for_js(f"!!document.getElementById('{row}')")
    text = other.page.locator(f"#{row}").inner_text()
    assert "擦会议室" in text
    assert "贲主管 交办" in text
    other.tap(f"#{row} button.tick")
    other.wait_for_js(f"document.getElementById('{row}').dataset.state == 'done'")
    wait_for(lambda: len(logged_ops(live_server, "task.complete")) == 1)


@pytest.mark.clause("C11")
def test_two_phones_tell_of_rain_offline_and_each_task_is_there_once(
    phone_page, second_phone_page, live_server
):
    other = second_phone_page
    for one, who in ((phone_page, "ben"), (other, "mei")):
        one.enrol(who)
        one.unlock(who)
        one.open("/field/weather")
    live_server.kill()
    for one in (phone_page, other):
        one.taps = 0
        one.tap("button[value=rain]")
        one.wait_for_js("!!document.querySelector('.row .waits, .row')")
        assert one.taps == 1
    live_server.start()
    for one in (other, phone_page):
        one.sync_now()
    assert [status for _, _, status, *_ in logged_ops(live_server, "weather.report")] == [
        "applied",
        "applied",
    ]
    assert [area for _, area in planned_tasks(live_server, "CL-10")] == [
        demo_id("squirrel", "office")
    ]
    assert json.loads(live_server.run("verify"))["differences"] == 0


@pytest.mark.clause("C11")
def test_rain_is_not_reported_without_a_place(phone_page, live_server):
    phone_page.enrol("ben")
    phone_page.unlock("ben")
    phone_page.open("/field/weather")
    phone_page.page.uncheck("[name=areas]:checked")
    phone_page.tap("button[value=rain]")
    phone_page.wait_for_js("!!document.querySelector('#toast [role=alert]')")
    assert phone_page.page.is_enabled("button[value=rain]")
    phone_page.page.locator("[name=areas]").first.check()
    phone_page.tap("button[value=rain]")
    wait_for(lambda: len(logged_ops(live_server, "weather.report")) == 1)
    phone_page.open("/field/weather")
    assert phone_page.page.locator("[name=event]").count() == 1


@pytest.mark.clause("C12")
def test_a_report_is_settled_on_the_spot_with_one_tap_after_the_photo(
    phone_page, live_server, photo_file
):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    live_server.kill()
    about = demo_id("round")
    gate = demo_id("squirrel", "gate")
    phone_page.open(f"/field/tickets?about_type=round&about={about}&area={gate}")
    phone_page.page.set_input_files("[name=photos]", photo_file)
    phone_page.taps = 0
    phone_page.tap("[name=done_on_the_spot]")
    phone_page.wait_for_js("!!document.querySelector('.said')")
    assert phone_page.taps <= 3
    live_server.start()
    phone_page.sync_now()
    (_, _, status, said, _), *rest = logged_ops(live_server, "ticket.open")
    payload = json.loads(said)
    assert (status, rest, len(payload["photos"])) == ("applied", [], 1)
    assert (payload["about_type"], payload["about"], payload["area"]) == ("round", about, gate)
    assert payload["done_on_the_spot"] == "on_the_spot"
