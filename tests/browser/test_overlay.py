"""What lies over a record on the phone: people and places that it refers to have names."""

from __future__ import annotations

import pytest

from server.maintenance.demo import demo_id
from server.models import NAME_FIELDS
from sync import KINDS
from sync.protocol.op import Id
from tests.browser.test_tickets import open_ticket, saved_message

BAO = demo_id("squirrel", "bao")

JS_OVERLAY = """async ([cases, name]) => {
  const entry = document.querySelector('script[type=module]').src;
  const { overlayOps } = await import(new URL("overlay.js", entry));
  const id = "0199aaaa-0000-7000-8000-000000000000", unnamed = [];
  for (const { kind, type, payload, expected } of cases) {
    const names = new Map([...Object.values(payload).flat(), "the author"].map((id) => [id, name]));
    const op = { kind, payload, subject: id, by: "the author", at: "2026-11-24T12:00:00.000Z" };
    const before = { type, id, until: "", ...payload };
    for (const source of Object.keys(payload)) before[source] = "somebody before";
    for (const field of expected) before[field] = "the name before";
    const rows = overlayOps(type, [before], [{ subject: id, op, state: "unsent" }],
      { names, clockAhead: 0 });
    for (const field of expected) {
      const shown = [rows[0][field]].flat();
      if (shown.some((word) => word !== name)) unnamed.push(`${kind}: ${field} = ${shown}`);
    }
  }
  return unnamed;
}"""


JS_POISON = """async ([kinds, text]) => {
  const entry = document.querySelector('script[type=module]').src;
  const { overlayOps } = await import(new URL("overlay.js", entry));
  const id = "0199aaaa-0000-7000-8000-000000000000", known = { names: new Map(), clockAhead: 0 };
  for (const [kind, type, fields] of kinds) {
    const payload = JSON.parse(text);
    for (const field of fields) payload[field] = "__proto__";
    const op = { kind, payload, subject: id, by: "x", at: "2026-11-24T12:00:00.000Z" };
    const before = Object.assign(JSON.parse(text), { type, id, until: "" });
    try { overlayOps(type, [before], [{ subject: id, op, state: "unsent" }], known); } catch { }
  }
  return [Object.keys(Object.prototype), {}.poisoned, [].poisoned];
}"""
POISON = """{"__proto__": {"poisoned": 1}, "constructor": {"prototype": {"poisoned": 1}}}"""


def overlay_cases():
    """For each kind that phones send: a payload of ids, and the fields that they have to name."""
    for name, kind in sorted(KINDS.items()):
        fields = kind.payload().fields
        payload = {f: f"id of {f}" for f, field in fields.items() if isinstance(field, Id)}
        laid = {f: f"${f}" for f in payload} if kind.overlay_payload else {}
        laid |= {f: v for f, v in kind.optimistic_patch.items() if isinstance(v, str)}
        told = {"$by", *(f"${field}" for field in payload)}
        named = NAME_FIELDS.get(kind.type, {}).items()
        expected = [field for field, source in named if laid.get(source) in told]
        if kind.from_phones and expected:
            yield {"kind": name, "type": kind.type, "payload": payload, "expected": expected}


@pytest.mark.asvs("15.3.6")
def test_every_id_that_an_op_lays_over_a_record_gets_its_name(phone_page):
    """And no payload reaches into what all objects share."""
    cases = list(overlay_cases())
    assert len(cases) > 15
    phone_page.enrol()
    assert phone_page.page.evaluate(JS_OVERLAY, [cases, "Ana"]) == []
    kinds = [
        [name, kind.type, list(kind.payload().fields)]
        for name, kind in KINDS.items()
        if kind.from_phones
    ]
    assert phone_page.page.evaluate(JS_POISON, [kinds, POISON]) == [[], None, None]


def test_a_ticket_that_is_held_names_for_whom_without_a_network(phone_page, live_server):
    phone_page.enrol("qin")
    phone_page.unlock("qin")
    live_server.kill()
    ticket = open_ticket(phone_page)
    phone_page.open(f"/field/ticket_transfer/{ticket}?how=absent")
    phone_page.tap(f"button[name=for_id][value='{BAO}']")
    saved_message(phone_page, ": 包勤")
