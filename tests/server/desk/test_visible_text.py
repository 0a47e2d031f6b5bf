"""No page shows an identifier of the program: a kind, an enum value, a code or a UUID."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from html.parser import HTMLParser
from random import Random
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from flask import Flask
from flask_babel import force_locale
from jinja2 import Template
from marshmallow import fields
from marshmallow.validate import And, OneOf
from sqlalchemy import select
from werkzeug.routing import Rule

from server.db.engine import db
from server.desk.lists.files import FORMATS
from server.desk.pages.personal_data import CORRECTIONS
from server.field.compiler.bundle import field_templates
from server.i18n.languages import folder_name
from server.models.access import Device
from server.models.oplog import LoggedOp
from server.models.tickets import Ticket
from sync import KINDS, RECORD_TYPES
from sync.protocol.clock import SITE_ZONE
from sync.protocol.labels import STATUSES
from sync.protocol.refusals import REFUSALS
from sync.protocol.roles import ROLES
from tests.browser.random_records import page_context
from tests.seed_data import EVE, HOME_SITE, fixed_id
from tests.soak import SOAK

INDEXES = re.compile(r"分项: \d|分项 \d|\bleaves\b|\bbytes\b|\bhere\b|\d{4}-\d\d-\d\dT\d\d:\d\d")
"""What stood in Chinese sentences although nobody says it: indexes, names of fields, raw times."""
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
WORD = re.compile(r"[A-Za-z0-9_.-]+")
SHOWN_AS_THEY_ARE = {"A", "B", "C", "qr"}
"""Values that people know by the same word."""

TYPE_OF_PAGE = {
    "sign_ins": "person",
    "arrears": "arrears",
    "cards": "card",
    "cases": "case",
    "categories": "category",
    "checklists": "template",
    "contractors": "contractor",
    "found_items": "find",
    "homes": "unit",
    "inspections": "inspection",
    "lost_property": "lost",
    "patrol": "round",
    "person": "person",
    "schedules": "schedule",
    "teams": "team",
    "tickets": "ticket",
    "training_sessions": "session",
    "visits": "visit",
}
"""The record type of the pages at /desk/.../<id>, by their blueprint."""

DOCUMENTS_ABOUT = {
    "arrears": "arrears",
    "case": "case",
    "home": "unit",
    "inspection": "inspection",
    "lost_property": "lost",
    "person": "person",
    "phone": "device",
    "police": "lost",
    "round": "round",
    "ticket": "ticket",
    "training": "session",
}
"""The record type that a document is about, by its name; others are about a month or a year."""

BILINGUAL = ("/desk/packs/handbook", "/desk/visits/notice", "/desk/cards/")
"""Pages with English text in every language."""

DEVICE_LABEL = "Test phone"
"""What somebody called the phone."""

NOTHING_CHOSEN = {"/desk/packs/file"}
"""Addresses that refuse a request without a choice."""

FILES = tuple(FORMATS) if SOAK else ("csv",)
"""The files of each list: their cells are the same in every format."""

CONTEXTS_PER_TEMPLATE = 20


class VisibleText(HTMLParser):
    """Collects the text between tags, and the addresses of links.

    Scripts, styles, what people type into a <textarea>, and <pre>, where the desk shows an op as it
    was received, are left out.
    """

    HIDDEN = frozenset({"script", "style", "textarea", "pre", "head"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.depth, self.texts, self.links = 0, list[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag in self.HIDDEN
        self.links += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in self.HIDDEN

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.texts.append(data)


def choices(field: fields.Field[Any]) -> Iterator[str]:
    """The values that a field, each item of a list or each value of a mapping may have."""
    match field:
        case fields.List():
            yield from choices(field.inner)
        case fields.Dict() if field.value_field:
            yield from choices(field.value_field)
        case fields.Nested():
            for inner in field.schema.fields.values():
                yield from choices(inner)
        case _:
            for validator in field.validators:
                parts = validator.validators if isinstance(validator, And) else [validator]
                for part in parts:
                    yield from map(str, part.choices) if isinstance(part, OneOf) else ()


def identifiers() -> set[str]:
    """Every value of a fixed set that the program uses: types, states, roles, values."""
    values = {*ROLES, *STATUSES, *RECORD_TYPES}
    for type_ in RECORD_TYPES.values():
        values |= type_.states.keys()
    for kind in KINDS.values():
        for field in kind.payload().fields.values():
            values |= set(choices(field))
    return values - SHOWN_AS_THEY_ARE


CODES = {*KINDS, *(code for code in REFUSALS if "-" in code)}
ALL_IDENTIFIERS = identifiers()
FORBIDDEN = {
    "en": CODES | {value for value in ALL_IDENTIFIERS if "_" in value},
    "zh": CODES | {value for value in ALL_IDENTIFIERS if not value.isdigit()},
}
"""By language. A value such as `closed` is an English word too: it is sought in Chinese alone."""


def identifiers_in(page: str, lang: str) -> set[str]:
    """What a page shows that only the program should know."""
    shown = " ".join(VisibleText(page).texts).replace(DEVICE_LABEL, "")
    words = {word.strip(".-") for word in WORD.findall(shown)}
    indexes = set(INDEXES.findall(shown)) if lang == "zh" else set()
    return words & FORBIDDEN[lang] | set(UUID.findall(shown)) | indexes


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


SHOWS_OTHERS = re.compile(r"/desk/[^#]*\?(?!.*\b(sort|rows|columns)=)(?!.*/file\.)")
"""A link of a list that shows other records: in another order, or as a file, it says no more."""


def desk_rules(app: Flask) -> list[Rule]:
    """The pages of the desk, and those that everybody may open."""
    return [
        rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and (rule.rule in ("/", "/sign-in") or rule.rule.startswith(("/desk/", "/r/")))
    ]


def page_arguments(rule: Rule) -> Iterator[dict[str, str]]:
    """The arguments of a page's address, for every record that it may show."""
    if not rule.arguments:
        yield {}
        return
    blueprint, page = rule.endpoint.split(".")
    if rule.arguments == {"format"}:
        yield from ({"format": format_} for format_ in FILES)
        return
    if rule.arguments == {"view"}:
        return  # it leads to the list
    ops = select(LoggedOp).where(LoggedOp.site_id == HOME_SITE)
    applied = db.session.scalars(ops.where(LoggedOp.status == "applied"))
    records = sorted({(op.subject_type, op.subject) for op in applied})
    match blueprint, page:
        case "records", "show":
            yield from ({"type": type_, "id": id_} for type_, id_ in records)
        case "personal_data", _:
            yield from ({"type": t, "id": id_} for t, id_ in records if t in CORRECTIONS)
        case "resident", _:
            lamp = db.session.get(Ticket, (HOME_SITE, fixed_id("lamp")))
            values = {"number": lamp.number, "slip": lamp.slip or "0000"}
            yield {name: values[name] for name in rule.arguments}
        case "quarantine", _:
            quarantined = ops.where(LoggedOp.status.in_(("quarantined", "held", "waiting")))
            yield from ({"id": op.id} for op in db.session.scalars(quarantined))
        case "documents", _:
            yield from document_arguments(rule, page, records)
        case "people", "work":
            yield from ({"id": id_} for type_, id_ in records if type_ == "person")
        case "people", _:
            yield from ({"id": id_} for id_ in db.session.scalars(select(Device.id)))
        case "board", _:
            yield from ({"area_id": id_} for type_, id_ in records if type_ == "area")
        case "records", "photo":
            return
        case _:
            wanted = TYPE_OF_PAGE[blueprint]
            yield from ({"id": id_} for type_, id_ in records if type_ == wanted)


def document_arguments(
    rule: Rule, page: str, records: list[tuple[Any, Any]]
) -> Iterator[dict[str, str]]:
    """The arguments of a document's address: of its page for every record, of its PDF for one."""
    name, _, how = page.rpartition("_")
    today = datetime.now(SITE_ZONE)
    if name == "phone":
        found = [{"id": id_} for id_ in db.session.scalars(select(Device.id))]
    elif name in DOCUMENTS_ABOUT:
        found = [{"id": id_} for type_, id_ in records if type_ == DOCUMENTS_ABOUT[name]]
    else:
        found = [{"day": f"{today:%Y-%m-%d}", "month": f"{today:%Y-%m}", "year": f"{today:%Y}"}]
    for values in found if how == "print" else found[:1]:
        yield {argument: values[argument] for argument in rule.arguments}


def page_addresses(app: Flask) -> Iterator[str]:
    """The address of every page, for every record that it may show."""
    with app.app_context():
        for rule in desk_rules(app):
            arguments = list(page_arguments(rule))
            assert arguments or rule.endpoint == "records.photo" or "view" in rule.arguments, (
                f"no record for {rule}"
            )
            for each in arguments:
                yield app.url_map.bind("localhost").build(rule.endpoint, each)


def of_any_record(link: str) -> str:
    """An address without the record, or its place in a list, that it is about."""
    return re.sub(r"\b(at|page)=\d+", "", UUID.sub("", link))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_desk_page_shows_an_identifier(
    estate: Flask, signed_in: Callable[..., Any], lang: str
) -> None:
    eve, first, shown = signed_in(EVE), set(page_addresses(estate)), {}

    def links_of(address: str) -> list[str]:
        """Look through a page or a file; returns the addresses that a page links to."""
        answer = eve.get(address, headers={"Accept-Language": lang})
        if answer.status_code != 200 or answer.mimetype not in ("text/html", "text/csv"):
            assert answer.status_code < 400 or address in NOTHING_CHOSEN, address
            return []
        if found := identifiers_in(answer.text, "en" if address.startswith(BILINGUAL) else lang):
            shown[address] = found
        return [urldefrag(urljoin(address, link)).url for link in VisibleText(answer.text).links]

    others = {  # lists with other filters, forms for one record
        link if SOAK else of_any_record(link): link
        for address in sorted(first)
        for link in filter(SHOWS_OTHERS.match, links_of(address))
    }
    for address in set(others.values()) - first:
        links_of(address)
    assert shown == {}
    assert len(first) > 100


def with_program_values(rng: Random, value: Any) -> Any:
    """A random context with the states that records really have, and ids that are UUIDs."""
    if isinstance(value, list):
        return [with_program_values(rng, each) for each in value]
    if not isinstance(value, dict):
        is_id = isinstance(value, str) and re.fullmatch(r"[a-z]+-\d", value)
        return fixed_id(value) if is_id else value
    value = {name: with_program_values(rng, each) for name, each in value.items()}
    if value.get("type") in RECORD_TYPES:
        value["state"] = rng.choice(sorted(RECORD_TYPES[value["type"]].states))
    return value


def phone_contexts(lang: str) -> Iterator[dict[str, Any]]:
    """Contexts of phone pages; their outboxes hold every kind and every refusal."""
    rng = Random(1)
    for _ in range(CONTEXTS_PER_TEMPLATE):
        context = with_program_values(rng, page_context(rng, lang))
        context["outbox"] = [
            {"id": fixed_id(kind), "kind": kind, "at": context["now"], "by": "p", "text": None}
            | {"state": "answered", "status": "refused", "code": rng.choice(sorted(REFUSALS))}
            | {"check": rng.random() < 0.5}
            for kind in KINDS
        ]
        yield context


def rendered_pages(template: Template, contexts: list[dict[str, Any]]) -> Iterator[str]:
    """The pages of all contexts but those where a random record has no value that is needed."""
    for context in contexts:
        with suppress(TypeError):
            yield template.render(context)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_phone_page_shows_an_identifier(app: Flask, lang: str) -> None:
    contexts, shown = list(phone_contexts(lang)), {}
    with app.test_request_context(), force_locale(folder_name(lang)):
        for name in field_templates(app):
            pages = list(rendered_pages(app.jinja_env.get_template(name), contexts))
            assert pages, name
            if found := set().union(*(identifiers_in(page, lang) for page in pages)):
                shown[name] = found
    assert shown == {}


def test_identifiers_are_found_where_people_read_them() -> None:
    page = f"<p title='in_person'>ticket.open <b>in_person</b> no-such-record. {EVE}</p>"
    assert identifiers_in(page, "en") == {"ticket.open", "in_person", "no-such-record", EVE}
    assert identifiers_in("<pre>in_person</pre><script>held</script><p>held</p>", "zh") == {"held"}
    assert "closed" in FORBIDDEN["zh"] - FORBIDDEN["en"]
