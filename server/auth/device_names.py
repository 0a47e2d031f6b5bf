"""Names that phones get by themselves, so that a list of phones tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from flask import request
from flask_babel import gettext
from sqlalchemy import Select, select

from server.auth.user_agents import SYSTEMS, phone_model
from server.db.engine import db
from server.i18n.languages import language_codes
from server.i18n.locale import current_language, in_language
from server.models.access import Device
from sync.protocol.op import MAX_NAME_LENGTH

MAX_MODEL_LENGTH = MAX_NAME_LENGTH - 10
"""Leaves room for a number."""


def device_name(site_id: str, wanted: str, model: str) -> str:
    """A name that no other phone of a site has: the one that was typed, else the model or the
    system of the phone that sent this request, with a number."""
    taken = {label.casefold() for label in db.session.scalars(_labels(site_id))}
    if typed := " ".join(wanted.split())[:MAX_NAME_LENGTH]:
        return typed if typed.casefold() not in taken else _numbered([typed], taken, first=2)
    known = " ".join(model.split()) or phone_model(request.user_agent.string)
    if known and known not in dict(SYSTEMS):
        return _numbered([known], taken, first=1)
    languages = dict.fromkeys((current_language(), *language_codes()))
    names = [in_language(code, lambda: _system_name(known)) for code in languages]
    return _numbered(names, taken, first=1)


def free_device_name(site_id: str, wanted: str, device_id: str) -> str:
    """The name that somebody gives to a phone, with a number if another phone has it."""
    others = db.session.scalars(_labels(site_id).where(Device.id != device_id))
    taken = {label.casefold() for label in others}
    return wanted if wanted.casefold() not in taken else _numbered([wanted], taken, first=2)


def _system_name(system: str) -> str:
    return gettext("%(system)s phone", system=system) if system else gettext("Phone")


def _numbered(names: Sequence[str], taken: set[str], *, first: int) -> str:
    """The first name with a number that no phone has in any language."""
    for number in count(first):
        numbered = [f"{name[:MAX_MODEL_LENGTH]} · {number}" for name in names]
        if not any(name.casefold() in taken for name in numbered):
            return numbered[0]
    raise AssertionError("count never ends")


def _labels(site_id: str) -> Select[Any]:
    return select(Device.label).where(Device.site_id == site_id)
