"""Puts what was typed back into the form of a finished page, and says what is wrong with it.

Works on the page's HTML, so it fills inputs of macros and inputs written by hand alike.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from urllib.parse import urlsplit

import lxml.html
from flask_babel import gettext
from lxml.html import FormElement, HtmlElement
from lxml.html.builder import BUTTON, CLASS, DIV, FORM, LI, SPAN, UL, A, P

from server.desk.field_errors import FieldError
from server.desk.form_tokens import TOKEN_FIELD

Fields = Sequence[tuple[str, str]]
"""Names and texts of inputs, as they were sent."""

ALERT_ID = "form-alert"
XML_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NEVER_FILLED = ("password", "file", "submit", "button", "image", "reset")


class FilledPage:
    """A page, and the form in it to which an address belongs."""

    def __init__(self, html: str, page: str, address: str, fields: Fields) -> None:
        self.document = lxml.html.document_fromstring(html)
        self.fields = [(name, _drawable(text)) for name, text in fields]
        self.form, self.path = self._find_form(page, address), urlsplit(address).path

    def _find_form(self, page: str, address: str) -> FormElement | None:
        """The form sent to this address; of several, the one with the same hidden inputs."""
        forms = [
            form
            for form in self.document.forms
            if form.method == "POST" and urlsplit(address).path in _paths(form, page)
        ]
        return max(forms, key=self._likeness, default=None)

    def _likeness(self, form: FormElement) -> int:
        """How many inputs of a form were sent: of hidden ones, which tell forms apart, those with
        the same value."""
        sent, names, likeness = set(self.fields), {name for name, _ in self.fields}, 0
        for each in _inputs(form):
            name, value = each.get("name"), each.get("value") or ""
            is_hidden = each.get("type") == "hidden"
            if name != TOKEN_FIELD:
                likeness += 1 if ((name, value) in sent if is_hidden else name in names) else -1
        return likeness

    def fill(self, errors: Iterable[FieldError] = ()) -> None:
        """Put the texts into the form's inputs; a password or a file cannot be put back."""
        if self.form is None:
            return
        values: dict[str, list[str]] = defaultdict(list)
        for name, text in self.fields:
            values[name].append(text)
        wrong = {name for error in errors for name in error.names}
        for each in _inputs(self.form):
            name = each.get("name") or ""
            if name and name != TOKEN_FIELD and each.get("type") not in NEVER_FILLED:
                _fill_input(each, values, is_wrong=name in wrong)
        self.form.set("data-filled", "")
        _open_folds(self.form)
        for button in self.form.xpath(".//button[@formaction]"):
            if urlsplit(button.get("formaction")).path == self.path:
                _open_folds(button)

    def keep_token(self, token: str) -> None:
        """Use the token of before: nobody knows whether the form was saved, so sending it again
        must not save it twice."""
        for each in _inputs(self.form) if self.form is not None else ():
            if each.get("name") == TOKEN_FIELD:
                each.set("value", token)

    def explain(
        self, sentence: str, errors: Sequence[FieldError] = (), role: str = "alert"
    ) -> None:
        """Say at the head of the form what is wrong, and beside each field concerned. The first of
        them has the focus, or else the sentence."""
        if self.form is None:
            return
        sentence = _drawable(sentence)
        errors = [replace(each, message=_drawable(each.message)) for each in errors]
        for focused in self.document.xpath("//*[@autofocus]"):
            del focused.attrib["autofocus"]
        marked = [link for each in errors if (link := self._mark(each)) is not None]
        rest = [each.message for each in errors if not self._inputs_of(each)]
        items = [*marked, *(LI(text) for text in rest if text != sentence)]
        alert = DIV(CLASS("said"), SPAN("! ", {"aria-hidden": "true"}), sentence)
        alert.set("id", ALERT_ID)
        alert.set("role", role)
        alert.set("tabindex", "-1")
        if items:
            alert.append(UL(*items))
        if self.form.xpath(".//input[@type='file']"):
            alert.append(DIV(gettext("Choose the file again: a browser does not keep it.")))
        if not marked:
            alert.set("autofocus", "")
        self.form.insert(0, alert)

    def offer_discarding(self, address: str) -> None:
        """Put a form before the form, by which its texts are discarded."""
        if self.form is not None:
            button = BUTTON(CLASS("quiet"), gettext("Discard"), type="submit")
            self.form.addprevious(FORM(button, method="post", action=address))

    def link(self, text: str, address: str) -> None:
        """Put a link at the head of the page."""
        for main in self.document.xpath("//main"):
            main.insert(
                0, P(CLASS("said"), SPAN("! ", {"aria-hidden": "true"}), A(text, href=address))
            )

    def _mark(self, error: FieldError) -> HtmlElement | None:
        """Mark the input that an error is about; returns a list item that links to it."""
        inputs = self._inputs_of(error)
        if not inputs:
            return None
        first, number = inputs[0], len(self.document.xpath("//*[@aria-invalid]")) + 1
        if not self.document.xpath("//*[@autofocus]"):
            first.set("autofocus", "")
        id_ = first.get("id") or f"field-{number}"
        for each in inputs:
            each.set("aria-invalid", "true")
            each.set("aria-describedby", f"error-{number}")
        first.set("id", id_)
        first.addnext(SPAN(CLASS("field-error"), error.message, {"id": f"error-{number}"}))
        _open_folds(first)
        label = _label_text(first)
        return LI(A(f"{label}: {error.message}" if label else error.message, href=f"#{id_}"))

    def _inputs_of(self, error: FieldError) -> list[HtmlElement]:
        """The visible inputs that an error is about: those of the first name that the form has."""
        return next((found for name in error.names if (found := self._inputs_named(name))), [])

    def _inputs_named(self, name: str) -> list[HtmlElement]:
        """The visible inputs of a field: its own, or those of its parts, as in `label.zh`."""
        if self.form is None:
            return []
        visible = [each for each in _inputs(self.form) if each.get("type") != "hidden"]
        own = [each for each in visible if each.get("name") == name]
        parts = [each for each in visible if (each.get("name") or "").startswith(f"{name}.")]
        return own or parts

    def html(self) -> str:
        doctype = "<!doctype html>"
        return str(lxml.html.tostring(self.document, encoding="unicode", doctype=doctype))


def _drawable(text: str) -> str:
    """A text without the characters that a page cannot have."""
    return XML_FORBIDDEN.sub("\ufffd", text)


def _paths(form: HtmlElement, page: str) -> set[str]:
    """Where a form on a page is sent: by itself, or by one of its buttons."""
    buttons = form.xpath(".//button[@formaction]/@formaction")
    return {urlsplit(address).path for address in (form.get("action") or page, *buttons)}


def _inputs(form: HtmlElement) -> list[HtmlElement]:
    """The inputs of a form, with those that stand elsewhere on the page and name it."""
    found = [each for each in form.iter("input", "textarea", "select") if not each.get("form")]
    id_ = form.get("id")
    return found + (form.getroottree().xpath("//input[@form=$id]", id=id_) if id_ else [])


def _fill_input(each: HtmlElement, values: dict[str, list[str]], *, is_wrong: bool) -> None:
    name, type_ = each.get("name") or "", each.get("type") or "text"
    sent = values.get(name, [])
    if type_ in ("checkbox", "radio") and each.tag == "input":
        _set_flag(each, "checked", on=(each.get("value") or "on") in sent)
    elif not sent:
        return
    elif each.tag == "select":
        chosen = sent.pop(0)
        options = list(each.iter("option"))
        if any(_option_value(option) == chosen for option in options):
            for option in options:
                _set_flag(option, "selected", on=_option_value(option) == chosen)
    elif each.tag == "textarea":
        text = sent.pop(0).replace("\r\n", "\n")
        each.text = f"\n{text}" if text.startswith("\n") else text
    elif type_ != "hidden" or not (is_wrong or (name == "base" and not sent[0].isdecimal())):
        text = sent.pop(0)
        each.set("value", text)
        if text and not _fits_type(type_, text):
            each.set("type", "text")  # a browser empties an input whose text does not fit its type


def _fits_type(type_: str, text: str) -> bool:
    try:
        match type_:
            case "number":
                float(text)
            case "date":
                date.fromisoformat(text)
            case "datetime-local":
                datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _set_flag(each: HtmlElement, name: str, *, on: bool) -> None:
    if on:
        each.set(name, "")
    elif name in each.attrib:
        del each.attrib[name]


def _option_value(option: HtmlElement) -> str:
    value = option.get("value")
    return str(option.text_content()).strip() if value is None else str(value)


def _open_folds(each: HtmlElement) -> None:
    for fold in each.iterancestors("details"):
        fold.set("open", "")


def _label_text(each: HtmlElement) -> str:
    for label in each.iterancestors("label"):
        return " ".join((label.text or each.tail or "").split())
    return each.get("aria-label") or ""
