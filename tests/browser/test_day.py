"""A day on two phones at once, without a network and one of them late; taps are counted."""

from __future__ import annotations

import json

from server.maintenance.demo import demo_id
from tests.hand import log
from tests.until import until

PLAIN = ".row[data-state=open]:not(:has(.items)):has([action*='task.complete']) > form button.tick"

BUDGETS = {"tick": 1, "undo": 1, "report": 4, "unsent": 1, "send now": 2}
"""Taps from the natural start of each job; visitors, scans and shifts count their own."""


def test_a_cleaner_and_a_guard_work_offline_at_once_and_one_phone_comes_late(
    hand, another_hand, live
):
    hand.enrols()
    another_hand.enrols()
    hand.unlocks("ana")
    another_hand.unlocks("chu")
    live.kill()
    for _ in range(2):
        before = hand.page.locator(".row[data-state=done]").count()
        hand.tap(PLAIN)
        hand.sees(f"document.querySelectorAll('.row[data-state=done]').length > {before}")
    another_hand.opens("/field/arrival")
    another_hand.type("[name=visitor]", "王师傅")
    another_hand.tap("#main .primary")
    another_hand.sees("!!document.querySelector('.row[data-state=inside]')")
    another_hand.opens("/field/scan")
    another_hand.type("[name=code]", "101")
    another_hand.tap("#main form[action='/field/scan'] button")
    another_hand.sees("!!document.querySelector('.said')")
    another_hand.page.context.set_offline(True)
    live.start()
    hand.sends()
    assert len(log(live, "task.complete")) == 2
    assert log(live, "visit.arrive") == [], "the guard's phone has not spoken yet"
    another_hand.page.context.set_offline(False)
    another_hand.sends()
    assert len(log(live, "visit.arrive")) == 1
    authors = {by for kind in ("task.complete", "visit.arrive") for *_, by in log(live, kind)}
    assert authors == {demo_id("squirrel", "ana"), demo_id("squirrel", "chu")}
    assert json.loads(live.run("verify"))["differences"] == 0


def test_no_job_takes_more_taps_than_its_budget(hand, live, picture):
    spent = {}
    hand.enrols()
    hand.unlocks("ana")

    def counted(job, start):
        hand.opens(f"/field/{start}")
        hand.taps = 0
        yield
        spent[job] = hand.taps

    for _ in counted("tick", "tasks"):
        row = hand.page.locator(".row[data-state=open]:not(:has(.items))").first.get_attribute("id")
        hand.tap(f"#{row} button.tick")
        hand.sees(f"document.getElementById('{row}').dataset.state == 'done'")
    for _ in counted("undo", "tasks"):
        hand.tap(f"#{row} button.tick")
        hand.sees(f"document.getElementById('{row}').dataset.state == 'open'")
    for _ in counted("report", "tasks"):
        hand.tap("a.tab[href='/field/report']")
        hand.sees("!!document.querySelector('.camera')")
        hand.taps += 1
        hand.page.set_input_files("[name=photos]", picture)
        hand.tap("#main .primary")
        hand.sees("!!document.querySelector('.said')")
    for _ in counted("unsent", "tasks"):
        hand.tap("#pill")
        hand.sees("location.pathname == '/field/me'")
    for _ in counted("send now", "tasks"):
        hand.tap("#pill")
        hand.sees("location.pathname == '/field/me'")
        hand.tap("text=立即上传")
    until(lambda: len(log(live, "ticket.open")) == 1)
    over = {job: taps for job, taps in spent.items() if taps > BUDGETS[job]}
    assert spent.keys() == BUDGETS.keys()
    assert not over
