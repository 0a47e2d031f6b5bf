"""How sure it is who did something: confirmed by PIN, signed in at the desk, or only claimed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Flask, g
from sqlalchemy import select

from server.auth.sessions import current_user
from server.db.engine import db
from server.db.statements import chunks
from server.models.oplog import LoggedOp
from server.oplog.certainty import Act, acts_on, certainty_of, certainty_of_op
from sync.protocol.op import CLAIMED, DESK, PERSON

SIGNS = {PERSON: "✓", DESK: "■", CLAIMED: "◇"}
"""A sign beside the word, for a quick look along a list."""


class Certainties:
    """How sure it is who did what to the records of a site, by its log."""

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self._by_subject: dict[str, list[Act]] = {}

    def load(self, subjects: Iterable[str]) -> None:
        """Read the authors of these records in one go, as a list of many records needs."""
        missing = {id_ for id_ in subjects if id_} - self._by_subject.keys()
        found = acts_on(self.site_id, missing)
        self._by_subject.update({id_: found.get(id_, []) for id_ in missing})

    def of(
        self, subject: str | None, by: str | None, at: datetime | str | None = None
    ) -> str | None:
        """How sure it is that a person did something to a record, at a time if it is known.

        None if that person has done nothing to it: they are only named there.
        """
        if not subject or not by:
            return None
        self.load([subject])
        return certainty_of(self._by_subject[subject], by, at)


def certainty_by_op(site_id: str, op_ids: Iterable[str]) -> dict[str, str | None]:
    """How sure it is who made each of these ops; without those that the log does not have."""
    found: dict[str, str | None] = {}
    for chunk in chunks(sorted(set(op_ids))):
        query = select(LoggedOp.id, LoggedOp.by, LoggedOp.proof, LoggedOp.device_id)
        rows = db.session.execute(query.where(LoggedOp.site_id == site_id, LoggedOp.id.in_(chunk)))
        found |= {row.id: certainty_of_op(row.by, row.proof, row.device_id) for row in rows}
    return found


def certainties() -> Certainties:
    """Those of the current user's site; what was read serves the whole request."""
    if "certainties" not in g:
        g.certainties = Certainties(current_user().site_id)
    found: Certainties = g.certainties
    return found


def init_app(app: Flask) -> None:
    """Give templates what `desk/_author.html` needs.

    `records|with_certainty` reads the authors of a list before it is shown.
    """
    app.jinja_env.filters["with_certainty"] = _with_certainty
    app.jinja_env.globals |= {
        "certainty_of": lambda *about: certainties().of(*about),
        "certainty_signs": SIGNS,
    }


def _with_certainty(records: Iterable[Any]) -> list[Any]:
    listed = list(records)
    certainties().load(record.id for record in listed)
    return listed
