"""Every route against the ids of another site: nothing is shown, nothing is changed.

The estate has records of every type. What its own manager can address, a manager and a phone of
another site cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import combinations, cycle
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from server.auth.access import DEVICE_TOKEN, PUBLIC, access_rule
from server.db.engine import db
from server.models.credentials import Credential
from sync import KINDS
from sync.protocol.op import SERVER_AUTHOR_ID
from tests.phone_client import PhoneClient
from tests.seed_data import DAO, EVE, HOME_SITE, OTHER_SITE, fixed_id
from tests.server.conftest import DeskBrowser
from tests.server.desk.estate_activity import ALL_STEPS
from tests.server.desk_ids import TYPES, field_names, ids_by_type, tables

MAX = fixed_id("max")
"""Manages the other site."""

VALVE = fixed_id("valve")
FORM = {"base": "1", "reason": "x", "note": "x", "heir": EVE, "person": EVE, "other_id": VALVE}
NEEDS_THE_CONTENT_PACK = {"/desk/standards/<id>/reading"}
OF_THEMSELVES = {"account", "two_steps", "sign_in", "confirm"}
"""Pages about the user alone, whose ids are not of a site: tests/server/auth proves them."""

NO_RECORD = {"format", "action", "view", "day", "month", "year"}
"""What routes of lists and of documents take that names no record; saved views, which belong to a
site, are proven in test_lists.py."""

WITHOUT_A_SITE = {"throttle", "session", "sign_in_step", "server_state"}
"""Tables that every request may write."""

SECRETS = ("Organiser", "Mr Wang", "Ms Li", "Lamp dark", "Night watch", "two buckets")
"""What only the estate has, and no request of these tests says."""


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.fixture
def stranger(estate: Flask, desk_op: Any, signed_in: Callable[..., DeskBrowser]) -> DeskBrowser:
    """The browser of the manager of the other site."""
    manager = {"name": "Max", "roles": ["manager"]}
    added = desk_op("person.add", MAX, manager, by=SERVER_AUTHOR_ID, site=OTHER_SITE)
    assert added["status"] == "applied"
    return signed_in(MAX, OTHER_SITE)


def content(app: Flask) -> dict[str, list[Any]]:
    """Every row of the home site, and of what all sites share, by table."""
    found = {}
    with app.app_context():
        for table in tables():
            if table.name not in WITHOUT_A_SITE:
                rows = select(table)
                if "site_id" in table.c:
                    rows = rows.where(table.c.site_id == HOME_SITE)
                found[table.name] = sorted(map(repr, db.session.execute(rows)))
    return found


def addresses(app: Flask, rule: Rule, ids: dict[str, list[str]]) -> Iterator[str]:
    """The addresses of a route with ids of the home site."""
    build = app.url_map.bind("localhost").build
    for type_ in TYPES[rule.endpoint.split(".")[0]]:
        for id_ in ids[type_]:
            blanks = dict.fromkeys(rule.arguments, id_)
            for word in steps_of(type_) if {"step", "kind"} & rule.arguments else [type_]:
                words = {name: word for name in ("type", "step", "kind") if name in blanks}
                yield build(rule.endpoint, blanks | words)
    if "credential_id" in rule.arguments:
        with app.app_context():
            of_home = select(Credential).where(Credential.site_id == HOME_SITE)
            credential = db.session.scalars(of_home).first()
        yield build(rule.endpoint, {"id": credential.device_id, "credential_id": credential.id})


def steps_of(type_: str) -> list[str]:
    return [kind.split(".")[1] for kind in KINDS if kind.startswith(f"{type_}.")]


def desk_routes(app: Flask, *, with_ids: bool) -> Iterator[tuple[Rule, str]]:
    for rule in app.url_map.iter_rules():
        is_desk = access_rule(app, rule.endpoint) not in (PUBLIC, DEVICE_TOKEN, None)
        takes_record = bool(rule.arguments - NO_RECORD) and rule.endpoint != "records.photo"
        of_site = rule.endpoint.split(".")[0] not in OF_THEMSELVES
        if is_desk and of_site and takes_record == with_ids:
            yield from ((rule, method) for method in rule.methods & {"GET", "POST"})


def send(browser: DeskBrowser, method: str, address: str, data: Any = FORM) -> Any:
    return browser.get(address) if method == "GET" else browser.post(address, data)


@pytest.mark.asvs("8.2.2", "8.4.1")
def test_no_route_finds_a_record_of_another_site(
    estate: Flask, stranger: DeskBrowser, signed_in: Any, new_phone: Any
) -> None:
    new_phone().send_op("task.cancel", fixed_id("task-5"), {"reason": "x"}, by=EVE)
    eve, ids = signed_in(EVE), ids_by_type(estate)
    found, never = [], set()
    for rule, method in desk_routes(estate, with_ids=True):
        ours = (each for each in addresses(estate, rule, ids) if answers(eve, method, each))
        if address := next(ours, None):
            found.append((method, address))
        else:
            never.add(rule.rule)
    assert never == NEEDS_THE_CONTENT_PACK, "their own manager can address everything else"
    assert len(found) > 70
    before = content(estate)
    shown = {(m, a): send(stranger, m, a).status_code for m, a in found}
    assert {key: status for key, status in shown.items() if status not in (403, 404)} == {}
    assert content(estate) == before


def answers(browser: DeskBrowser, method: str, address: str) -> bool:
    """Whether this address exists for somebody."""
    return send(browser, method, address).status_code not in (403, 404)


@pytest.mark.asvs("8.2.2", "8.4.1")
def test_no_form_uses_a_record_of_another_site(estate: Flask, stranger: DeskBrowser) -> None:
    ids, before, names = ids_by_type(estate), content(estate), field_names()
    turns = cycle(combinations(("person", "area", "unit", "task", "ticket", "op aside"), 2))
    for rule, method in desk_routes(estate, with_ids=False):
        if rule.arguments:
            continue
        for type_ in next(turns) if method == "POST" else ["person"]:
            filled = dict.fromkeys(names, ids[type_][0])
            answer = send(stranger, method, rule.rule, filled)
            assert answer.status_code < 500, rule.rule
            told = [each for each in SECRETS if each.encode() in answer.data]
            assert told == [], (rule.rule, type_)
    assert content(estate) == before


@pytest.mark.asvs("8.2.2", "8.4.1", "15.3.3")
def test_no_op_reaches_a_record_of_another_site(
    estate: Flask, stranger: DeskBrowser, new_phone: Callable[..., PhoneClient]
) -> None:
    phone = new_phone(OTHER_SITE)
    before, kinds = content(estate), set[str]()
    for steps in ALL_STEPS:
        for _, kind, subject, payload in steps():
            kinds.add(kind)
            phone.add_op(kind, subject, payload | {"site_id": HOME_SITE}, by=MAX)
            phone.add_op(kind, subject, payload, by=MAX, base=1)
    verdicts = {v["status"] for v in phone.push().expect_ok()["verdicts"]}
    assert len(kinds) > 50 and verdicts >= {"applied", "refused", "quarantined"}
    assert content(estate) == before
    said = json.dumps([payload for steps in ALL_STEPS for *_, payload in steps()])
    held = json.dumps([*phone.pull_all().values()], ensure_ascii=False)
    assert [each for each in SECRETS if each in held and each not in said] == []


@pytest.mark.asvs("8.2.2", "8.4.1")
def test_no_address_of_sync_serves_a_phone_of_another_site(
    estate: Flask, stranger: DeskBrowser, new_phone: Callable[..., PhoneClient]
) -> None:
    phone, before = new_phone(OTHER_SITE), content(estate)
    rules = [rule for rule in estate.url_map.iter_rules() if "site" in rule.arguments]
    for rule in rules:
        blanks = {"site": HOME_SITE, "sha256": "0" * 64}
        address = estate.url_map.bind("localhost").build(
            rule.endpoint, {name: blanks[name] for name in rule.arguments}
        )
        for method in rule.methods & {"GET", "POST", "PUT"}:
            heads = {**phone.auth_headers(), "Content-Type": "application/json"}
            reply = phone.transport.request(method, address, b"{}", heads)
            assert reply.status in (403, 404), (method, address)
    assert len(rules) >= 4
    for person in (EVE, DAO):
        told = phone.request_new_pin(person, "135790", "864297")
        assert told.status in (401, 403, 404, 422, 429), person
    assert content(estate) == before
