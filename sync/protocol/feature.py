"""What a feature declares about itself in one place: record types, kinds of op, words.

`sync/__init__` collects the declarations; the server, the desk and the phones read them from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sync.protocol.op import Fold, Kind
from sync.protocol.roles import ALL_ROLES, role_mask
from sync.protocol.text import Sentences, Text, Texts

RolesLookup = Callable[[str], frozenset[str]]
"""The roles of a person, by their id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """What a record type holds about people who do not work here, and for how long.

    `term` is the setting of the site with the number of days, which begin at the first of the
    fields `ended` that has a time; a record without one is still needed. `is_over` may ask for
    more, of a record whose days are over. `in_use`: a record that is not erased even if somebody
    asks for it. `why` says what the data are kept for. `home_field` names
    the home; `is_evidence`: a lost-property case about that home keeps the record. `belongs_to`
    names the record without which this one is not erased, and its type.
    """

    term: str
    ended: tuple[str, ...]
    why: Text
    is_over: Callable[[Mapping[str, Any]], bool] = lambda _: True
    in_use: Callable[[Mapping[str, Any]], bool] = lambda _: False
    home_field: str | None = None
    is_evidence: bool = False
    belongs_to: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordType:
    """A type of record: its state, how its facts are folded, and who sees it when.

    `state` returns the record's state, a key of `states`. Phones show a record from `visible_from`
    to `visible_until` (ISO 8601 times). `fold` computes the fields that facts determine. `audience`
    returns the bit mask of the roles that may see it, `people` the ids of those whom it concerns in
    person (None among them is nobody), `groups` the keys of groups that see it (`trade_key`,
    `firm_key`), `area_field` names the field with the area whose workers see it. Phones hold a
    record from `held_before` its beginning until `held_after` its end, and one of a home
    (`home_field`) with an open lost-property case for longer. `personal` says for how long personal
    data are kept, `redacted_values` replaces them when the record is purged; a key `reopen.reason`
    is for the kind that ends in `.reopen` alone. `allows_photos`: whether photos may be attached.
    `shows_authors`: phones are told how sure it is who did something to the record.
    `unique_keys` are the keys that no other record of the type should have at its site;
    `unique_columns` names the fields that it reads, if it is not given the whole record.
    """

    label: Text
    state: Callable[[Mapping[str, Any]], str]
    visible_until: Callable[[Mapping[str, Any]], str]
    states: Texts
    fold: Fold = lambda _, __: {}
    visible_from: Callable[[Mapping[str, Any]], str] = lambda _: ""
    audience: Callable[[Mapping[str, Any], RolesLookup], int] = lambda _, __: role_mask(ALL_ROLES)
    people: Callable[[Mapping[str, Any]], Iterable[str | None]] = lambda _: ()
    groups: Callable[[Mapping[str, Any]], Iterable[str]] = lambda _: ()
    area_field: str | None = None
    home_field: str | None = None
    held_before: timedelta = timedelta(days=7)
    held_after: timedelta = timedelta(days=2)
    personal: PersonalData | None = None
    redacted_values: Mapping[str, Any] = field(default_factory=dict)
    allows_photos: bool = True
    shows_authors: bool = False
    unique_keys: Callable[[Mapping[str, Any]], Iterable[str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature of the product: record types, kinds of op, and the words for both.

    `fields` labels the fields of its records and payloads; a key `tell.said` labels the field
    `said` of the kind that ends in `.tell` alone. `values` labels the values of a field
    and has keys of the same form. `sentences` says what happened, for the history of a record.
    """

    types: Mapping[str, RecordType] = field(default_factory=dict)
    kinds: Mapping[str, Kind]
    fields: Texts = field(default_factory=dict)
    values: Mapping[str, Texts] = field(default_factory=dict)
    sentences: Sentences = field(default_factory=dict)
