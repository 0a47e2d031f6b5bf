"""A day on two phones at once, without a network and one of them late; taps are counted."""

from __future__ import annotations

import json

from server.maintenance.demo import demo_id
from tests.phone_page import logged_ops
from tests.wait_for import wait_for

PLAIN_TASK_BUTTON = (
    ".row[data-state=open]:not(:has(.items)):has([action*='task.complete']) > form button.tick"
)

TAP_BUDGETS = {"tick": 1, "undo": 1, "report": 4, "unsent": 1, "send now": 2}
"""Taps from the natural start of each job; visitors, scans and shifts count their own."""


def test_a_cleaner_and_a_guard_work_offline_at_once_and_one_phone_comes_late(
    phone_page, second_phone_page, live_server
):
    phone_page.enrol("ana")
    second_phone_page.enrol("chu")
    phone_page.unlock("ana")
    second_phone_page.unlock("chu")
    live_server.kill()
    for _ in range(2):
        before = phone_page.page.locator(".row[data-state=done]").count()
        phone_page.tap(PLAIN_TASK_BUTTON)
        phone_page.wait_for_js(
            f"document.querySelectorAll('.row[data-state=done]').length > {before}"
        )
    second_phone_page.open("/field/visit_arrival")
    second_phone_page.fill("[name=visitor]", "王师傅")
    second_phone_page.tap("[name=purpose][value=service]")
    second_phone_page.wait_for_js("!!document.querySelector('.row[data-state=inside]')")
    second_phone_page.open("/field/scan")
    second_phone_page.fill("[name=code]", "101")
    second_phone_page.tap("#main form[action='/field/scan'] button")
    second_phone_page.wait_for_js("!!document.querySelector('.said')")
    second_phone_page.page.context.set_offline(True)
    live_server.start()
    phone_page.sync_now()
    assert len(logged_ops(live_server, "task.complete")) == 2
    assert logged_ops(live_server, "visit.arrive") == [], "the guard's phone has not spoken yet"
    second_phone_page.page.context.set_offline(False)
    second_phone_page.sync_now()
    assert len(logged_ops(live_server, "visit.arrive")) == 1
    authors = {
        by for kind in ("task.complete", "visit.arrive") for *_, by in logged_ops(live_server, kind)
    }
    assert authors == {demo_id("squirrel", "ana"), demo_id("squirrel", "chu")}
    assert json.loads(live_server.run("verify"))["differences"] == 0


def test_no_job_takes_more_taps_than_its_budget(phone_page, live_server, photo_file):
    spent = {}
    phone_page.enrol("ana")
    phone_page.unlock("ana")

    def counted(job, start):
        phone_page.open(f"/field/{start}")
        phone_page.taps = 0
        yield
        spent[job] = phone_page.taps

    for _ in counted("tick", "tasks"):
        row = phone_page.page.locator(
            ".row[data-state=open]:not(:has(.items))"
        ).first.get_attribute("id")
        phone_page.tap(f"#{row} button.tick")
        phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'done'")
    for _ in counted("undo", "tasks"):
        phone_page.tap(f"#{row} button.tick")
        phone_page.wait_for_js(f"document.getElementById('{row}').dataset.state == 'open'")
    for _ in counted("report", "tasks"):
        phone_page.tap("a.tab[href='/field/tickets']")
        phone_page.wait_for_js("!!document.querySelector('.camera')")
        phone_page.taps += 1
        phone_page.page.set_input_files("[name=photos]", photo_file)
        phone_page.tap("#main .primary")
        phone_page.wait_for_js(
            "/[0-9]{3} [0-9]{4}/.test(document.querySelector('#main').innerText)"
        )
    for _ in counted("unsent", "tasks"):
        phone_page.tap("#pill")
        phone_page.wait_for_js("location.pathname == '/field/me'")
    for _ in counted("send now", "tasks"):
        phone_page.tap("#pill")
        phone_page.wait_for_js("location.pathname == '/field/me'")
        phone_page.tap("text=立即上传")
    wait_for(lambda: len(logged_ops(live_server, "ticket.open")) == 1)
    over = {job: taps for job, taps in spent.items() if taps > TAP_BUDGETS[job]}
    assert spent.keys() == TAP_BUDGETS.keys()
    assert not over
