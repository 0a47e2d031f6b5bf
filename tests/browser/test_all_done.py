"""One tap for the day's work of a place, and Undo for each tap."""

from __future__ import annotations

from server.db.engine import db
from server.maintenance.demo import demo_id
from server.oplog.receive import make_op, submit_many
from tests.conftest import create_test_app
from tests.phone_page import logged_ops
from tests.wait_for import wait_for

AREA = f"#area-{demo_id('squirrel', 'garden')}"


def states(phone_page, tasks):
    script = "id => document.getElementById(`task-${id}`)?.dataset.state"
    return {name: phone_page.page.evaluate(script, id_) for name, id_ in tasks.items()}


def test_all_done_is_the_days_work_of_the_place_and_one_tap_takes_it_back(
    phone_page, live_server, garden_tasks
):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    before = states(phone_page, garden_tasks)
    assert (before["day one"], before["overdue"], before["week"]) == ("open", "late", "open")
    live_server.kill()
    phone_page.tap(f"{AREA} .card-head button")
    wait_for(lambda: states(phone_page, garden_tasks)["day two"] == "done")
    assert phone_page.taps == 1
    both = {"day one": "done", "day two": "done"}
    assert states(phone_page, garden_tasks) == {**before, **both}
    assert "2" in phone_page.page.locator("#toast").inner_text()
    phone_page.tap("#toast button")
    wait_for(lambda: states(phone_page, garden_tasks) == before)
    assert phone_page.taps == 2
    live_server.start()
    phone_page.sync_now()
    done = {subject for _, subject, *_ in logged_ops(live_server, "task.complete")}
    assert done == {garden_tasks["day one"], garden_tasks["day two"]}
    assert {subject for _, subject, *_ in logged_ops(live_server, "task.undo")} == done
    phone_page.open("/field/tasks")
    assert states(phone_page, garden_tasks) == before


def test_nobody_of_another_role_is_offered_all_done(phone_page, garden_tasks):
    phone_page.enrol()
    for username in ("chu", "qin"):
        phone_page.unlock(username)
        phone_page.open("/field/tasks?who=all")
        phone_page.wait_for_js(f"!!document.querySelector('{AREA}')")
        assert phone_page.page.locator(f"{AREA} .card-head button").count() == 0
        phone_page.open("/field/unlock")


def test_an_item_is_taken_back_by_its_toast(phone_page, live_server):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    row = phone_page.page.locator(".row[data-state=open]:has(.items)").first.get_attribute("id")
    phone_page.tap(f"#{row} .item:nth-child(1) button")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'partial'")
    phone_page.tap("#toast button")
    phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'open'")
    wait_for(lambda: len(logged_ops(live_server, "task.untick")) == 1)


def test_work_done_after_a_cancellation_tells_its_doer_that_it_is_kept(
    phone_page, live_server, garden_tasks
):
    phone_page.enrol("ana")
    phone_page.unlock("ana")
    task = garden_tasks["day one"]
    phone_page.page.context.set_offline(True)
    url = f"sqlite:///{live_server.folder / 'var' / 'lodge.sqlite3'}"
    app = create_test_app(url, live_server.folder / "var")
    with app.app_context():
        cancel = make_op("task.cancel", task, {"reason": "rain"}, by=demo_id("squirrel", "ben"))
        assert submit_many(demo_id("squirrel"), [cancel])[0]["status"] == "applied"
        db.session.remove()
        db.engine.dispose()
    phone_page.tap(f"#task-{task} button.tick")
    phone_page.wait_for_js(f"document.getElementById('task-{task}').dataset.state == 'done'")
    phone_page.page.context.set_offline(False)
    phone_page.sync_now()
    phone_page.open(f"/field/task/{task}")
    phone_page.wait_for_js(f"document.getElementById('task-{task}').dataset.state == 'cancelled'")
    assert "办公室" in phone_page.page.locator(f"#task-{task}").inner_text()
