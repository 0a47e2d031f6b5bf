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
from tests.conftest import made
from tests.hand import log
from tests.until import until


def planned(live, code):
    """Tasks of a standard as the server has them."""
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    rows = base.execute("SELECT id, area_id FROM task WHERE code = ?", (code,)).fetchall()
    base.close()
    return rows


def plans(live, code, area, **more):
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
    app = made(f"sqlite:///{live.folder / 'var' / 'lodge.sqlite3'}", live.folder / "var")
    with app.app_context():
        assert submit(demo_id("squirrel"), "task.plan", task, payload)["status"] == "applied"
        db.session.remove()
        db.engine.dispose()
    return task


@pytest.mark.clause("B2")
def test_the_flag_has_three_qualities_and_only_the_weather_keeps_it_down(hand, live):
    task = plans(live, "FL-01", "gate")
    hand.enrols()
    hand.unlocks("ana")
    items = hand.page.locator(f"#task-{task} .item").all_inner_texts()
    assert [item.strip() for item in items] == ["整齐", "标准", "庄严"]
    hand.opens(f"/field/task/{task}")
    reasons = hand.page.locator("[name=reason]").all_inner_texts()
    assert len(reasons) == 1
    hand.tap("[name=reason]")
    hand.sees(f"document.getElementById('task-{task}').dataset.state == 'skipped'")
    until(lambda: len(log(live, "task.skip")) == 1)
    assert json.loads(log(live, "task.skip")[0][3]) == {"reason": "天气恶劣"}


@pytest.mark.clause("C3")
def test_a_standing_duty_counts_each_tap_and_takes_back_the_last(hand, live):
    task = plans(live, "CL-04", "garden", standing=True)
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    for times in (1, 2):
        hand.tap(f"#task-{task} button.tick")
        hand.sees(f"document.getElementById('task-{task}').innerText.includes('{times} 次')")
    assert hand.taps == 2
    hand.tap("#toast button")
    hand.sees(f"document.getElementById('task-{task}').innerText.includes('1 次')")
    live.start()
    hand.sends()
    hand.opens("/field/tasks")
    hand.sees(f"document.getElementById('task-{task}').innerText.includes('1 次')")
    assert len(log(live, "task.confirm")) == 2


@pytest.mark.clause("C2")
def test_items_are_ticked_with_one_tap_each_and_taken_back_by_the_same_tap(hand, live):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    row = hand.page.locator(".row[data-state=open]:has(.items)").first.get_attribute("id")
    assert row
    hand.tap(f"#{row} .item:nth-child(1) button")
    hand.sees(f"document.getElementById('{row}').dataset.state == 'partial'")
    assert "1/2" in hand.page.locator(f"#{row} .mark").first.inner_text()
    hand.tap(f"#{row} .item:nth-child(2) button")
    hand.sees(f"document.getElementById('{row}').dataset.state == 'done'")
    assert hand.taps == 2
    hand.tap(f"#{row} .item:nth-child(2) button")
    hand.sees(f"document.getElementById('{row}').dataset.state == 'partial'")
    assert hand.taps == 3
    live.start()
    hand.sends()
    assert [json.loads(said)["item"] for _, _, _, said, _ in log(live, "task.tick")] == [0, 1]
    hand.opens("/field/tasks")
    hand.sees(f"document.getElementById('{row}').dataset.state == 'partial'")


@pytest.mark.clause("G3")
def test_work_goes_from_one_phone_to_another(hand, another_hand, live):
    other = another_hand
    hand.enrols()
    hand.unlocks("ben")
    hand.tap("a[href='/field/assign']")
    hand.sees("!!document.querySelector('[name=label]')")
    hand.type("[name=label]", "擦会议室")
    hand.page.select_option("[name=responsible_id]", demo_id("squirrel", "ana"))
    hand.page.select_option("[name=area_id]", demo_id("squirrel", "office"))
    hand.type("[name=reason]", "明天有客人")
    hand.tap("#main .primary")
    hand.sees("!!document.querySelector('.said')")
    until(lambda: len(log(live, "task.assign")) == 1)
    other.enrols()
    other.unlocks("ana")
    row = f"task-{log(live, 'task.assign')[0][1]}"
    other.sees(f"!!document.getElementById('{row}')")
    text = other.page.locator(f"#{row}").inner_text()
    assert "擦会议室" in text
    assert "贲主管 交办" in text
    other.tap(f"#{row} button.tick")
    other.sees(f"document.getElementById('{row}').dataset.state == 'done'")
    until(lambda: len(log(live, "task.complete")) == 1)


@pytest.mark.clause("C11")
def test_two_phones_tell_of_rain_offline_and_each_task_is_there_once(hand, another_hand, live):
    other = another_hand
    for one, who in ((hand, "ben"), (other, "mei")):
        one.enrols()
        one.unlocks(who)
        one.opens("/field/weather")
    live.kill()
    for one in (hand, other):
        one.taps = 0
        one.tap("button[value=rain]")
        one.sees("!!document.querySelector('.row .waits, .row')")
        assert one.taps == 1
    live.start()
    for one in (other, hand):
        one.sends()
    assert [status for _, _, status, *_ in log(live, "weather.report")] == ["applied", "applied"]
    assert [area for _, area in planned(live, "CL-10")] == [demo_id("squirrel", "office")]
    assert json.loads(live.run("verify"))["differences"] == 0


@pytest.mark.clause("C12")
def test_a_report_is_settled_on_the_spot_with_one_tap_after_the_photo(hand, live, picture):
    hand.enrols()
    hand.unlocks("ana")
    live.kill()
    about = demo_id("round")
    gate = demo_id("squirrel", "gate")
    hand.opens(f"/field/report?about_type=round&about={about}&area={gate}")
    hand.page.set_input_files("[name=photos]", picture)
    hand.taps = 0
    hand.tap("[name=done_on_the_spot]")
    hand.sees("!!document.querySelector('.said')")
    assert hand.taps <= 3
    live.start()
    hand.sends()
    (_, _, status, said, _), *rest = log(live, "ticket.open")
    payload = json.loads(said)
    assert (status, rest, len(payload["photos"])) == ("applied", [], 1)
    assert (payload["about_type"], payload["about"], payload["area"]) == ("round", about, gate)
    assert payload["done_on_the_spot"] == "当场处理"
