"""A whole browser profile that is copied to another machine, where both go on."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from server.maintenance.demo import demo_id
from tests.chaos.test_phone_killed import (
    JS_HAS_DONE_ROW,
    JS_LIST_READY,
    TICK_BUTTON,
    ChromiumProcess,
)
from tests.chaos.test_phone_tabs import JS_UNSENT_COUNT
from tests.phone_page import PhonePage, meta, rows
from tests.wait_for import wait_for

ANA = demo_id("squirrel", "ana")


def tick_and_send(hand):
    hand.open("/field/tasks")
    wait_for(lambda: hand.page.evaluate(JS_LIST_READY), timeout=60)
    hand.tap(TICK_BUTTON)
    hand.wait_for_js(JS_HAS_DONE_ROW)
    wait_for(lambda: hand.page.evaluate(JS_UNSENT_COUNT) == 0, timeout=60)
    return {row["id"]: row["verdict"]["status"] for row in rows(hand, "ops")}


def query(live, sql):
    base = sqlite3.connect(live.folder / "var" / "lodge.sqlite3")
    found = base.execute(sql).fetchall()
    base.close()
    return found


@pytest.mark.rule("H4", "L5")
def test_a_copied_profile_proves_nothing_and_loses_nothing(browser, live_server, tmp_path):
    """Whoever copied it writes Ana into it by hand: her key opens with her PIN alone."""
    first, copy = (
        ChromiumProcess(browser.browser_type, tmp_path / name / "profile") for name in "ab"
    )
    first.folder.parent.mkdir()
    with first.page() as page:
        hand = PhonePage(page, live_server)
        hand.enrol("ana")
        hand.unlock("ana")
        lineage = meta(hand, "tail")["lineage"]
        hand.lock()
    shutil.copytree(first.folder, copy.folder, symlinks=True)
    with first.page() as page:
        hand = PhonePage(page, live_server)
        hand.open("/field/unlock")
        hand.unlock("ana")
        own = tick_and_send(hand)
    with copy.page() as page:
        hand = PhonePage(page, live_server)
        hand.open("/field/unlock")
        meta(hand, "me", ANA)
        copied = tick_and_send(hand)
        assert meta(hand, "tail")["lineage"] != lineage
    assert set(own.values()) == set(copied.values()) == {"applied"}
    logged = query(live_server, "SELECT id, lineage, proof FROM op WHERE lineage IS NOT NULL")
    assert {id_: (on == lineage, proof) for id_, on, proof in logged} == {
        **dict.fromkeys(own, (True, "person")),
        **dict.fromkeys(copied, (False, "claimed")),
    }
    chains = query(live_server, "SELECT device_id, count(*) FROM lineage GROUP BY device_id")
    assert [count for _, count in chains] == [2], "the desk shows that the phone was copied"
