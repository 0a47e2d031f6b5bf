"""First contact on phones: it comes back to whoever was asked, until the resident is satisfied."""

from __future__ import annotations

import base64
import json
import re

import pytest

from server.maintenance.demo import demo_id
from tests.phone_page import (
    JS_HORIZONTAL_OVERFLOW,
    JS_SMALL_TARGETS,
    JS_UNLABELLED_CONTROLS,
    logged_ops,
    meta,
)

ANA, BAO = demo_id("squirrel", "ana"), demo_id("squirrel", "bao")


def saved_message(hand, words):
    hand.wait_for_js(f"document.querySelector('#main').innerText.includes('{words}')")


def open_ticket(hand):
    """Somebody tells the cleaner something: whoever is asked first answers for it."""
    hand.open("/field/tickets")
    hand.tap("label:has(input[name=channel][value=in_person])")
    hand.tap("summary:has-text('有人来反映')")
    hand.tap("label:has(input[name=matter][value=report])")
    hand.fill("[name=contact]", "3-2-501")
    hand.fill("textarea[name=details]", "楼道的灯不亮")
    hand.tap("form[action='/field/ops/ticket.open'] button.primary")
    hand.wait_for_js("new URL(location.href).searchParams.has('saved')")
    hand.wait_for_js("!!document.querySelector('.said[role=status]')")
    return hand.page.evaluate("new URL(location.href).searchParams.get('saved')")


@pytest.mark.rule("K9", "K10", "K20")
@pytest.mark.clause("F6")
def test_a_matter_comes_back_to_the_cleaner_until_the_resident_is_satisfied(
    phone_page, second_phone_page, live_server
):
    other = second_phone_page
    for one, who in ((phone_page, "ana"), (other, "bao")):
        one.enrol(who)
        one.unlock(who)
    live_server.kill()
    matter = open_ticket(phone_page)
    phone_page.open(f"/field/ticket/{matter}")
    phone_page.taps = 0
    phone_page.tap(f"a[href='/field/ticket_transfer/{matter}']")
    phone_page.tap(f"button[name=handler_id][value='{BAO}']")
    saved_message(phone_page, "待接办")
    assert phone_page.taps == 2
    live_server.start()
    phone_page.sync_now()
    other.sync_now()
    live_server.kill()
    other.open("/field/tickets")
    other.tap(f".card[data-state=check] a[href='/field/ticket/{matter}']")
    other.tap("summary:has-text('退回')")
    other.tap("button[name=reason] >> nth=0")
    live_server.start()
    other.sync_now()
    phone_page.sync_now()
    live_server.kill()
    phone_page.open("/field/tickets")
    phone_page.tap(f"#ticket-{matter} a")
    phone_page.tap("button:has-text('已办好')")
    saved_message(phone_page, "待告知业主")
    phone_page.tap("button[value=unsatisfied]")
    phone_page.wait_for_js("!!document.querySelector('form[action*=\"ticket.resolve\"]')")
    phone_page.open("/field/tickets")
    assert phone_page.page.locator(f"#ticket-{matter}").count() == 1
    live_server.start()
    phone_page.sync_now()
    live_server.kill()
    phone_page.open(f"/field/ticket/{matter}")
    phone_page.tap("button:has-text('已办好')")
    phone_page.tap("button[value=satisfied]")
    live_server.start()
    phone_page.sync_now()
    phone_page.open("/field/tickets")
    phone_page.wait_for_js(f"!document.getElementById('ticket-{matter}')")
    assert [by for *_, by in logged_ops(live_server, "ticket.give_back")] == [BAO]
    assert [status for _, _, status, *_ in logged_ops(live_server, "ticket.feed_back")] == [
        "applied"
    ] * 2
    assert json.loads(live_server.run("verify"))["differences"] == 0


@pytest.mark.rule("K14")
def test_a_question_is_answered_from_the_story_without_a_signal(phone_page, live_server):
    phone_page.enrol("qin")
    phone_page.unlock("qin")
    matter = open_ticket(phone_page)
    live_server.kill()
    number = phone_page.page.evaluate(
        "/[0-9]{3} [0-9]{4}/.exec(document.querySelector('.said').innerText)[0]"
    )
    phone_page.fill("[name=q]", number)
    phone_page.tap("form[role=search] button")
    phone_page.wait_for_js(f"document.querySelectorAll('#ticket-{matter}').length == 2")
    for page in (
        f"ticket/{matter}",
        f"ticket_transfer/{matter}",
        f"ticket_transfer/{matter}?how=up",
        "tickets",
    ):
        phone_page.open(f"/field/{page}")
        assert phone_page.page.evaluate(JS_HORIZONTAL_OVERFLOW) <= 0
        assert phone_page.page.evaluate(JS_SMALL_TARGETS) == []
        assert phone_page.page.evaluate(JS_UNLABELLED_CONTROLS) == []
    phone_page.open(f"/field/ticket/{matter}")
    phone_page.tap("summary:has-text('答复查询')")
    phone_page.fill("textarea[name=answered]", "电工明天来")
    phone_page.tap("form[action*='ticket.enquire'] button")
    saved_message(phone_page, "电工明天来")


@pytest.mark.rule("K21", "K23")
@pytest.mark.clause("F7")
def test_a_slip_has_a_number_of_the_phones_block_digits_and_a_code_of_its_page(
    phone_page, live_server, context
):
    phone_page.enrol("qin")
    phone_page.unlock("qin")
    block = meta(phone_page, "numbers")
    assert len({each["number"] for each in block}) == 20
    live_server.kill()
    meta(phone_page, "numbers", block[:1])
    first, second = open_ticket(phone_page), open_ticket(phone_page)
    said = phone_page.page.inner_text(".said[role=status]")
    assert re.search("T-[A-Z2-7]{8}", said), "the block is used up"
    number, slip = block[0]["number"], block[0]["slip"]
    phone_page.open(f"/field/ticket/{first}")
    assert phone_page.page.inner_text("h1") == f"{number[:3]} {number[3:]}"
    phone_page.tap("summary:has-text('给业主')")
    assert slip[:4] in phone_page.page.inner_text("details:has(qr-code)")
    phone_page.page.evaluate(
        "document.querySelector('qr-code').scrollIntoView({ block: 'center' })"
    )
    address = phone_page.page.evaluate(
        JS_READ_CODE, base64.b64encode(phone_page.page.locator("qr-code").screenshot()).decode()
    )
    assert address == f"{live_server.url}/r/{number}/{slip}"
    live_server.start()
    phone_page.sync_now()
    assert len([each for each in meta(phone_page, "numbers") if "used" not in each]) == 20
    resident = context.new_page()
    assert resident.goto(address).status == 200
    assert number[:3] in resident.inner_text("main")
    assert resident.goto(f"{address[:-1]}{'A' if address[-1] != 'A' else 'B'}").status == 404
    resident.close()
    phone_page.open(f"/field/ticket/{second}")
    assert re.fullmatch("T-[A-Z2-7]{8}", phone_page.page.inner_text("h1")), "what was told stays"


JS_READ_CODE = """async (picture) => {
  const program = document.querySelector("script[type=module]").src;
  const { decode } = await import(new URL("qr_reader.js", program).href);
  const bytes = Uint8Array.from(atob(picture), (character) => character.charCodeAt(0));
  return decode(await createImageBitmap(new Blob([bytes], { type: "image/png" })));
}"""
