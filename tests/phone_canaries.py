"""What lies on a phone, read whole after a browser test: nothing that its people may not have.

Everything that the server keeps for others is a canary: if the same text or number turns up on the
phone, and none of the phone's own records or ops has it, the phone holds what it must not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import select

from server.db.engine import db
from server.models.access import EVERYBODY, Device, DevicePerson
from server.models.feed import FeedRow, SiteHead
from server.models.people import Person
from sync.protocol.roles import role_mask
from tests.wait_for import wait_for

FRONT_DESK = {"service_desk", "supervisor", "manager", "admin"}
GATE = FRONT_DESK | {"guard"}
DESK_ONLY_TYPES = ("access", "aside", "merge", "month", "parcel", "route", "schedule")
ROLES_BY_TYPE: dict[str, set[str]] = {
    "arrears": FRONT_DESK,
    "regular": GATE,
    "release": GATE,
    "scan": GATE,
    "visit": GATE,
    **{type_: set() for type_ in DESK_ONLY_TYPES},
}
"""Types of record that only phones of these roles may hold, as docs/security says."""

NO_CANARY = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}|\d{4}-\d\d-\d\d(T.*)?|[a-z_.]*|.{0,3}", re.DOTALL
)
"""Ids, hashes, times, codes, and what is too short to tell anything."""
LONG_NUMBER = re.compile(r"\d{7,}")

JS_WHOLE_PHONE = """async () => {
  const known = await indexedDB.databases();
  if (!known.some(({ name }) => name === "lodge")) return null;
  const opened = await new Promise((done, failed) => {
    const opening = indexedDB.open("lodge");
    opening.onsuccess = () => done(opening.result);
    opening.onerror = failed;
  });
  const asked = (request) =>
    new Promise((done) => (request.onsuccess = () => done(request.result)));
  const stores = {};
  for (const name of opened.objectStoreNames) {
    const store = opened.transaction(name).objectStore(name);
    const [keys, rows] = await Promise.all([asked(store.getAllKeys()), asked(store.getAll())]);
    stores[name] = rows.map((row, i) => [keys[i], name === "reserve" ? null : row]);
  }
  opened.close();
  const cached = [];
  for (const name of await caches.keys())
    for (const { url } of await (await caches.open(name)).keys())
      cached.push(new URL(url).pathname);
  return JSON.stringify({ stores, cached, local: { ...localStorage, ...sessionStorage } });
}"""
"""Binary data become empty objects: photos, keys, and drafts, which are sealed."""

CACHED_ADDRESSES = re.compile(r"/field/(build/.*|trace)?|/manifest\.webmanifest")
"""The app's files, which are the same on every phone, and how much was unsent."""


class PhoneContent(NamedTuple):
    device: dict[str, Any]
    head: int | None
    records: list[dict[str, Any]]
    own: set[str]
    """What was typed on this phone, and what was opened on it."""
    texts: set[str]
    """Everything else that it holds."""
    cached: list[str]


def check_canaries(hand: Any) -> None:
    """Fail if a phone holds what its people may not have. A page that is no phone passes."""
    page, live = hand.page, hand.server
    if page.is_closed() or hand.is_edited or not page.url.startswith(live.url):
        return
    content = read_phone(page)
    if content is None:
        return
    assert [url for url in content.cached if not CACHED_ADDRESSES.fullmatch(url)] == []
    with live.database():
        check_content(content)


def check_content(content: PhoneContent) -> None:
    """As `check_canaries`, for what was read from a phone; `db.session` is open on the server's."""
    roles, people = people_of_phone(content.device["id"])
    site = content.device["site"]
    head = db.session.get_one(SiteHead, site).head
    mine, others = split_feed(site, roles, people, has_newest=content.head == head)
    held = {(row["type"], row["id"]) for row in content.records}
    assert held - {(row.type, row.id) for row in mine} == set(), "records outside its scope"
    wrong = {
        row["type"] for row in content.records if not roles & ROLES_BY_TYPE.get(row["type"], roles)
    }
    assert roles == set() or wrong == set(), "types of record that no role of its people may have"
    known = {text for row in mine for text in leaves(json.loads(row.body))} | content.own
    canaries = {text for row in others for text in leaves(json.loads(row.body))} - known
    assert canaries & content.texts == set(), "texts of others"
    numbers = numbers_in(canaries) - numbers_in(known)
    assert numbers & numbers_in(content.texts) == set(), "numbers of others"
    assert "pin_check" not in json.dumps(content.records), "something that verifies a PIN"


def read_phone(page: Any) -> PhoneContent | None:
    """What lies on the phone; None if it is not set up."""
    raw = wait_for(lambda: [page.evaluate(JS_WHOLE_PHONE)])[0]
    if raw is None:
        return None
    whole = json.loads(raw)
    stores = whole["stores"]
    meta = dict(stores.get("meta", []))
    if "device" not in meta:
        return None
    records = [row for _, row in stores["records"]]
    own = {text for name in ("ops", "drafts") for _, row in stores[name] for text in leaves(row)}
    texts = {text for part in (records, meta, whole["local"]) for text in leaves(part)}
    return PhoneContent(meta["device"], meta.get("head"), records, own, texts, whole["cached"])


def people_of_phone(device_id: str) -> tuple[set[str], set[str]]:
    """The roles and the ids of a phone's people; none of a phone that was removed."""
    device = db.session.get_one(Device, device_id)
    if device.revoked_at or device.lost_at:
        return set(), set()
    people = select(Person).where(Person.site_id == device.site_id, Person.active_to.is_(None))
    if device.people_key != EVERYBODY:
        named = select(DevicePerson.person_id).where(DevicePerson.device_id == device_id)
        people = people.where(Person.id.in_(named))
    found = db.session.scalars(people).all()
    return {role for each in found for role in each.roles}, {each.id for each in found}


def split_feed(
    site: str, roles: set[str], people: set[str], *, has_newest: bool
) -> tuple[list[Any], list[Any]]:
    """The rows of the feed that a phone may hold, and those of all sites that it may not. One that
    has not pulled the newest changes may still have what it could hold before."""
    mask = role_mask(roles)
    mine, others = [], []
    for row in db.session.scalars(select(FeedRow)):
        audience = row.audience if has_newest else row.audience | row.seen_by
        readers = row.readers if has_newest else f"{row.readers} {row.past_readers}"
        is_mine = bool(audience & mask) or not people.isdisjoint(readers.split())
        is_here = row.site_id == site and not (row.deleted and has_newest)
        (mine if is_here and is_mine else others).append(row)
    return mine, others


def leaves(value: Any) -> Iterator[str]:
    """The texts in a JSON value that could tell something."""
    if isinstance(value, str):
        if not NO_CANARY.fullmatch(value):
            yield value
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in leaves(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in leaves(inner))


def numbers_in(texts: Iterable[str]) -> set[str]:
    """Long numbers in texts: of phones, plates, documents."""
    return {number for text in texts for number in LONG_NUMBER.findall(text)}
