"""What is typed into any form of the desk is there again after a refusal, an error, or the end of
the session. The forms are found by walking over the pages."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import lxml.html
import pytest
from flask import Flask
from lxml.html import HtmlElement

from server.desk import quarantine_several
from server.desk.form_tokens import TOKEN_FIELD
from server.oplog import receive
from tests.seed_data import BEN, EVE
from tests.server.conftest import DeskBrowser
from tests.server.desk.test_visible_text import page_addresses

TYPED = "打字 typed words"
TYPED_TYPES = ("text", "search", "tel", "number", "date", "datetime-local")
LONG = "x" * 5000
ENGLISH_OF_LIBRARIES = re.compile(
    r"Not a valid|Missing data|Longer than|Shorter than|Must be one|Unknown field|may not be null"
)
WITHOUT_OP = re.compile(
    r"^/desk/(people/phones/[\w-]+/name|sign-ins/[\w-]+/first-password|personal_data/find"
    r"|[\w/-]+/views)$"
)
"""Forms about phones, accounts and views, which are no records and change without an op, and one
that looks for records."""

NASTY = (
    *("0001-01-01T00:00", "9999-12-31T23:59", "1" * 400, "-1", "1e999", "a\x00b", '"\\ud800"'),
    *("[" * 50, "zzz", '{"a": 1.5}', "9" * 19, "2020-01-01T00:00", "\ufffe", "<b>", "%00"),
)


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@dataclass
class DrawnForm:
    """A form as it stands on a page, and what is typed into it."""

    page: str
    address: str
    hidden: list[tuple[str, str]]
    inputs: dict[str, HtmlElement] = field(default_factory=dict)

    def typed_names(self) -> list[str]:
        return [
            name
            for name, each in self.inputs.items()
            if each.tag == "textarea" or (each.tag == "input" and kind_of(each) == "text")
        ]

    def filled(self, texts: dict[str, str]) -> dict[str, str]:
        chosen = {name: choice(each) for name, each in self.inputs.items()}
        return {**dict(self.hidden), **chosen, **texts}


def kind_of(each: HtmlElement) -> str:
    return each.get("type") or "text"


def choice(each: HtmlElement) -> str:
    """A value that a person may choose or leave in an input."""
    if each.tag == "select":
        return next((v for o in each.iter("option") if (v := o.get("value", o.text or ""))), "")
    return each.get("value") or (each.text or "" if each.tag == "textarea" else "")


def drawn_forms(page: str, text: str, method: str) -> Iterator[DrawnForm]:
    for form in lxml.html.document_fromstring(text).forms:
        if form.method != method:
            continue
        buttons = form.xpath(".//button[@formaction]")
        for button in buttons:  # each sends what stands beside it, and the first row of the list
            drawn = drawn_form(urljoin(page, button.get("formaction")), page, button.getparent())
            drawn.hidden += drawn_form("", page, form).hidden
            for row in form.xpath("//input[@form='rows']")[:1]:
                drawn.hidden.append((row.get("name"), row.get("value")))
            yield drawn
        if not buttons and form.xpath(".//button | .//input[@type='submit']"):
            yield drawn_form(urljoin(page, form.get("action") or page), page, form)


def drawn_form(address: str, page: str, part: HtmlElement) -> DrawnForm:
    """A form, or the part of one that one of its buttons sends."""
    drawn = DrawnForm(page, address, [])
    for each in _named_inputs(part):
        if kind_of(each) == "hidden":
            drawn.hidden.append((each.get("name"), each.get("value") or ""))
        elif kind_of(each) not in ("file", "password", "checkbox", "radio"):
            drawn.inputs.setdefault(each.get("name"), each)
    for button in part.xpath(".//button[@name]")[-1:]:
        drawn.hidden.append((button.get("name"), button.get("value") or ""))
    return drawn


def _named_inputs(form: HtmlElement) -> list[HtmlElement]:
    return [each for each in form.iter("input", "textarea", "select") if each.get("name")]


def every_form(app: Flask, browser: DeskBrowser, method: str = "POST") -> list[DrawnForm]:
    """One of each form on the pages of the desk."""
    adapter, found = app.url_map.bind("localhost"), {}
    for page in page_addresses(app):
        answer = browser.get(page)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        for form in drawn_forms(page, answer.text, method):
            path = urlsplit(form.address).path
            endpoint, arguments = adapter.match(path, method=method)
            step = arguments.get("step") or arguments.get("kind")
            key = endpoint, step, urlsplit(page).path.count("/"), *sorted(form.inputs)
            found.setdefault(key, form)
    return list(found.values())


@pytest.fixture
def forms(app: Flask, estate: Flask, signed_in: Callable[..., DeskBrowser]) -> list[DrawnForm]:
    return every_form(estate, signed_in(EVE))


def typed_texts(form: DrawnForm) -> dict[str, str]:
    return {name: f"{TYPED} {n}" for n, name in enumerate(form.typed_names())}


def test_what_is_typed_into_any_form_is_there_again(
    app: Flask,
    forms: list[DrawnForm],
    signed_in: Callable[..., DeskBrowser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a refusal, an exception, and the end of the session."""
    assert len(forms) > 60
    typed = [form for form in forms if form.typed_names() and form.address.startswith("/desk/")]
    typed = [form for form in typed if not form.address.endswith("/filter")]  # nothing is saved
    assert any(WITHOUT_OP.search(form.address) for form in typed)
    check_tokens(forms)
    check_refusals(typed, signed_in(EVE))
    check_lost_sessions(typed, DeskBrowser(app.test_client()), signed_in(EVE), signed_in(BEN))
    monkeypatch.setattr(receive, "receive_ops", _fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    with_op = [form for form in typed if not WITHOUT_OP.search(form.address)]
    monkeypatch.setattr(quarantine_several, "judge_quarantined", _fail)
    check_exceptions(with_op, signed_in(EVE))


def check_tokens(forms: list[DrawnForm]) -> None:
    """Each drawn form has a token of its own."""
    pages: dict[str, str] = {}
    for form in forms:
        assert [name for name, _ in form.hidden].count(TOKEN_FIELD) == 1, form.address
        page = pages.setdefault(dict(form.hidden)[TOKEN_FIELD], form.page)
        assert page == form.page, "only buttons of one form share a token"


def check_refusals(forms: list[DrawnForm], eve: DeskBrowser) -> None:
    """A text that is too long: the form is filled, and the field says what is wrong."""
    wrong = []
    for form in forms:
        texts = {**typed_texts(form), form.typed_names()[-1]: LONG}
        answer = eve.post(form.address, form.filled(texts), headers={"Accept-Language": "zh"})
        page = html.unescape(answer.text)
        if answer.status_code not in (400, 404, 422):
            wrong.append((form.page, form.address, answer.status_code))
        elif not all(text in page for text in texts.values()):
            wrong.append((form.page, form.address, "text lost"))
        elif answer.status_code == 422 and "aria-invalid" not in page:
            wrong.append((form.page, form.address, "no field is marked"))
        elif 'role="alert"' not in page or ENGLISH_OF_LIBRARIES.search(page):
            wrong.append((form.page, form.address, "sentence"))
    assert not wrong, "\n".join(map(str, wrong))


def check_exceptions(forms: list[DrawnForm], eve: DeskBrowser) -> None:
    """The form is filled, and sent again it is not saved twice: its token stays."""
    failed = 0
    for form in forms:
        texts = typed_texts(form)
        answer = eve.post(form.address, form.filled(texts))
        page = html.unescape(answer.text)
        assert answer.status_code >= 400, form.address
        assert all(text in page for text in texts.values()), (form.page, form.address)
        if answer.status_code == 500:
            failed += 1
            assert dict(form.hidden)[TOKEN_FIELD] in answer.text, form.address
    assert failed > 5


def check_lost_sessions(
    forms: list[DrawnForm], nobody: DeskBrowser, eve: DeskBrowser, ben: DeskBrowser
) -> None:
    """The text comes back to Eve, who typed it, and to nobody else."""
    for form in forms:
        texts = typed_texts(form)
        answer = nobody.post(form.address, form.filled(texts))
        assert answer.status_code == 401 and TYPED not in answer.text, form.address
        assert "/sign-in" in answer.text
        assert TYPED not in ben.get(form.page).text, form.address
        page = html.unescape(eve.get(form.page).text)
        assert all(text in page for text in texts.values()), (form.page, form.address)


def _fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError("injected")


def test_no_form_breaks_the_server_whatever_is_typed(
    app: Flask,
    forms: list[DrawnForm],
    signed_in: Callable[..., DeskBrowser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each form gets a few of the values, in turn; pages are looked at after what was saved."""
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    eve, broken, number = signed_in(EVE), [], 0
    for form in forms:
        for _ in range(4 if form.address.startswith("/desk/") else 0):
            number += 1
            texts = dict.fromkeys(form.inputs, NASTY[number % len(NASTY)])
            hidden = {name: "9" * 30 for name, _ in form.hidden}
            fields = form.filled(texts) if number % 2 else {**texts, **hidden}
            fields.pop(TOKEN_FIELD, None)
            answer = eve.post(form.address, fields, headers={"Accept-Language": "zh"})
            page = answer.text if answer.mimetype == "text/html" else ""  # not a file
            if answer.status_code >= 500 or ENGLISH_OF_LIBRARIES.search(page):
                broken.append((answer.status_code, form.address, fields))
            elif answer.status_code == 303 and eve.get(answer.location).status_code >= 500:
                broken.append(("then", answer.location, form.address, fields))
    for form in every_form(app, eve, "GET"):
        for nasty in (*NASTY, "0001-01-01", "9999-12-31", "0001-01", "9999-12"):
            answer = eve.get(form.address, query_string=dict.fromkeys(form.inputs, nasty))
            if answer.status_code >= 500:
                broken.append((answer.status_code, form.address, nasty))
    assert not broken, "\n".join(map(str, broken))
