"""Everything that people read has a text, and every text is translated in every catalogue."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import chain, product

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import force_locale
from marshmallow import Schema, fields
from marshmallow.validate import And, OneOf

from server.desk import labels, pages
from server.desk.history import HIDDEN_FIELDS
from server.i18n.languages import (
    SOURCE_LANGUAGE,
    TRANSLATIONS,
    catalogue_files,
    find_languages,
    folder_name,
)
from sync import FEATURES, KINDS, RECORD_TYPES, UNKNOWN_KIND
from sync.protocol.labels import BOOLEANS, FIELDS, STATUSES
from sync.protocol.refusals import REFUSALS, UNKNOWN_REFUSAL
from sync.protocol.roles import ROLE_LABELS, ROLES
from sync.protocol.text import Text
from sync.review.quarantine import ACCEPTED, CORRECTED
from tests.string_results import ROOT, calls_of, modules, results, strings

LANGUAGES = [language.code for language in find_languages([TRANSLATIONS])]
CATALOGUES = [code for code in LANGUAGES if code != SOURCE_LANGUAGE]
HAN = re.compile("[\u4e00-\u9fff]")

SAME_IN_EVERY_LANGUAGE = {"Lodge", "OK"}
"""Messages whose translation may be the message itself."""

SHOWN_AS_THEY_ARE = {"A", "B", "C"}
"""Values that people know by the same letter: the approaches of a case study."""


@cache
def catalogue(code: str) -> Catalog:
    """The catalogue of a language."""
    (file,) = catalogue_files([TRANSLATIONS], code)
    with file.open("rb") as source:
        return read_po(source)


def registered_texts() -> Iterator[Text]:
    """Every text that features, the protocol and the navigation declare."""
    for feature in FEATURES:
        yield from (kind.label for kind in feature.kinds.values())
        yield from (type_.label for type_ in feature.types.values())
        yield from chain.from_iterable(type_.states.values() for type_ in feature.types.values())
        yield from feature.fields.values()
        yield from chain.from_iterable(values.values() for values in feature.values.values())
    yield from (UNKNOWN_KIND, UNKNOWN_REFUSAL)
    yield from chain(REFUSALS.values(), FIELDS.values(), BOOLEANS.values())
    yield from chain(STATUSES.values(), ROLE_LABELS.values())
    for page in pkgutil.iter_modules(pages.__path__, f"{pages.__name__}."):
        yield from (entry.label for entry in getattr(import_module(page.name), "NAVIGATION", ()))


@pytest.mark.parametrize("code", CATALOGUES)
def test_every_registered_text_is_translated(code: str) -> None:
    messages = catalogue(code)
    missing = []
    for text in set(registered_texts()):
        entry = messages.get(text.message, text.context)
        same = entry and entry.string == text.message not in SAME_IN_EVERY_LANGUAGE
        if entry is None or entry.fuzzy or not entry.string or same:
            missing.append(text)
    assert missing == []


@pytest.mark.parametrize("code", CATALOGUES)
def test_every_message_of_a_catalogue_is_translated(code: str) -> None:
    for entry in catalogue(code):
        texts = entry.string if isinstance(entry.string, list | tuple) else [entry.string]
        assert all(texts) and not entry.fuzzy, f"not translated: {entry.id}"
        source = entry.id if isinstance(entry.id, str) else entry.id[0]
        has_words = re.search("[a-z]{3}", re.sub(r"%\(\w+\)\w", "", source))
        if has_words and source not in SAME_IN_EVERY_LANGUAGE:
            assert source not in texts, f"left in English: {source}"


@cache
def codes_in_source() -> set[str]:
    """Every code that an op may be refused, quarantined, set aside, flagged or contested with."""
    found: set[str] = set()
    for name, place in (
        ("Refused", 0),
        ("Quarantined", 0),
        ("refusal_text", 0),
        ("refused_by_rule", 0),
        ("say", 0),
        ("Merged", 3),
        ("Contested", 3),
        ("CorrectedTime", 2),
        ("NotApplicable", 0),
    ):
        for module, function, call in calls_of([name]):
            for value in call.args[place : place + 1]:
                found |= strings(module, function, value)
    for module, function, call in calls_of(["Accepted", "replace"]):
        for keyword in call.keywords:
            if keyword.arg in ("flag", "fault"):
                found |= strings(module, function, keyword.value)
    for module in modules().values():
        for name, value in module.assigned.items():
            if name.endswith("_FLAG"):
                found |= strings(module, None, value)
        for name in {"exclusion_reason", "op_error"} & module.functions.keys():
            found |= results(module, module.functions[name]) - STATUSES.keys()
    return found | {ACCEPTED, CORRECTED}


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    codes = codes_in_source() - STATUSES.keys()
    assert codes ^ (REFUSALS.keys() - STATUSES.keys()) == set()


@pytest.mark.parametrize("type_", RECORD_TYPES)
def test_the_states_that_a_record_may_have_are_those_with_a_text(type_: str) -> None:
    state = RECORD_TYPES[type_].state
    module = modules()[state.__module__]
    returned = results(module, module.functions[state.__name__])
    if type_ == "case":  # its state may be the answer of the latest statement
        returned |= set(choices(KINDS["case.state"].payload().fields["answer"]))
    assert returned == RECORD_TYPES[type_].states.keys()


def visible_fields(schema: Schema) -> list[str]:
    return [name for name in schema.fields if name not in HIDDEN_FIELDS]


def choices(field: fields.Field) -> Iterator[str]:
    """The values that a field, each item of a list or each value of a mapping may have."""
    match field:
        case fields.List():
            yield from choices(field.inner)
        case fields.Dict() if field.value_field:
            yield from choices(field.value_field)
        case _:
            for validator in field.validators:
                parts = validator.validators if isinstance(validator, And) else [validator]
                for part in parts:
                    yield from map(str, part.choices) if isinstance(part, OneOf) else ()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    from server import create_app

    folder = tmp_path_factory.mktemp("words")
    url = f"sqlite:///{folder / 'lodge.sqlite3'}"
    return create_app({"SQLALCHEMY_DATABASE_URI": url, "DATA_DIR": str(folder), "TESTING": True})


def types_of(kind: str) -> list[str]:
    """The record types that a kind may be about."""
    type_ = KINDS[kind].type
    return [type_] if type_ else list(RECORD_TYPES)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_field_and_value_of_a_payload_has_a_text(app: Flask, kind: str) -> None:
    """Chinese shows whether there is a text: its words are none of our identifiers."""
    schema, missing = KINDS[kind].payload(), []
    with app.test_request_context(), force_locale(folder_name(CATALOGUES[0])):
        for name, type_ in product(visible_fields(schema), types_of(kind)):
            field = schema.fields[name]
            one = name.removesuffix("s") if isinstance(field, fields.List) else name
            shown = {value: labels.value_label(type_, one, value, kind) for value in choices(field)}
            shown = {value: text for value, text in shown.items() if value not in SHOWN_AS_THEY_ARE}
            shown[name] = labels.field_label(type_, name, kind)
            missing += [(type_, name, key) for key, text in shown.items() if not HAN.search(text)]
    assert missing == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_kinds_states_roles_and_verdicts_are_shown_with_their_texts(app: Flask, code: str) -> None:
    with app.test_request_context(), force_locale(folder_name(code)):
        shown = [labels.op_label(kind) for kind in KINDS]
        shown += [labels.type_label(type_) for type_ in RECORD_TYPES]
        shown += [
            labels.state_label(name, state)
            for name, type_ in RECORD_TYPES.items()
            for state in type_.states
        ]
        shown += [labels.role_label(role) for role in ROLES]
        shown += [labels.status_label(status) for status in STATUSES]
        shown += [labels.refusal_label(refusal) for refusal in REFUSALS]
    assert all(shown)
    assert not [text for text in shown if re.search(r"\b[a-z]+[_.][a-z_.]+\b", text)]


def test_the_source_was_read() -> None:
    """The tests above find nothing missing in source that they do not see."""
    assert len(modules()) > 200 and (ROOT / "sync" / "__init__.py").is_file()
    assert len(codes_in_source()) > 100
