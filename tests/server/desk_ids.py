"""The ids that the routes of the desk take, and the names that its forms send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask
from sqlalchemy import select

from server.config import data_folder
from server.db.engine import Model, db
from server.models.oplog import LoggedOp
from tests.seed_data import HOME_SITE
from tests.server.desk.test_visible_text import DOCUMENTS_ABOUT, TYPE_OF_PAGE

TYPES = {name: (type_,) for name, type_ in TYPE_OF_PAGE.items()} | {
    "board": ("area",),
    "checklists": ("template",),
    "conflicts": ("merge",),
    "documents": (*DOCUMENTS_ABOUT.values(), "training"),
    "home_entries": ("entry",),
    "inspections": ("inspection", "rectification"),
    "patrol": ("round", "route", "checkpoint", "scan"),
    "people": ("device", "person"),
    "personal_data": ("visit",),
    "places": ("unit",),
    "quarantine": ("op aside",),
    "records": ("task",),
    "same_matter": ("ticket",),
    "shifts": ("shift",),
    "training_sessions": ("training",),
}
"""The types whose ids the routes of a blueprint take."""


def field_names() -> list[str]:
    """Every name that a form of ours has."""
    texts = (file.read_text() for file in data_folder("templates").rglob("*.html"))
    return sorted({name for text in texts for name in re.findall(r'name="([\w.]+)"', text)})


def tables() -> Iterator[Any]:
    return (mapper.local_table for mapper in Model.registry.mappers)


def ids_by_type(app: Flask) -> dict[str, list[str]]:
    """Some ids of the home site of every type: records, phones, sessions, ops set aside."""
    with app.app_context():
        found = {
            table.name: list(db.session.scalars(rows.limit(3)))
            for table in tables()
            if {"id", "site_id"} <= set(table.c.keys())
            for rows in [select(table.c.id).where(table.c.site_id == HOME_SITE)]
        }
        aside = LoggedOp.site_id == HOME_SITE, LoggedOp.status.in_(("quarantined", "held"))
        found["op aside"] = list(db.session.scalars(select(LoggedOp.id).where(*aside)))
    return found
