"""How sure it is who did something: confirmed by PIN, signed in at the desk, or only claimed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Flask, g
from sqlalchemy import select

from server.auth.sessions import current_user
from server.db.engine import db
from server.db.statements import chunks
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from sync.protocol.clock import as_datetime
from sync.protocol.op import CLAIMED, DESK, PERSON, SERVER, SERVER_AUTHOR_ID

EFFECTIVE_STATUSES = (*APPLIED_STATUSES, "contested")
"""Statuses of ops that may have made their author the author of a record; a contested one does if
the desk decides for it."""

LEAST_CERTAIN_FIRST = (CLAIMED, DESK, PERSON)
SIGNS = {PERSON: "✓", DESK: "■", CLAIMED: "◇"}
"""A sign beside the word, for a quick look along a list."""


def certainty_of_op(by: str | None, proof: str | None, device_id: str | None) -> str | None:
    """How sure it is who made a logged op; None for what the server itself did.

    An op of a version that checked nothing is as sure as where it came from.
    """
    if by is None or by == SERVER_AUTHOR_ID or proof == SERVER:
        return None
    return proof or (CLAIMED if device_id else DESK)


class Certainties:
    """How sure it is who did what to the records of a site, by its log.

    Of several ops that fit, the least certain one counts.
    """

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self._by_subject: dict[str, list[tuple[str, datetime, str]]] = {}

    def load(self, subjects: Iterable[str]) -> None:
        """Read the authors of these records in one go, as a list of many records needs."""
        missing = {id_ for id_ in subjects if id_} - self._by_subject.keys()
        for chunk in chunks(sorted(missing)):
            found = defaultdict[str, list[tuple[str, datetime, str]]](list)
            columns = LoggedOp.subject, LoggedOp.by, LoggedOp.occurred_at, LoggedOp.status
            query = select(*columns, LoggedOp.proof, LoggedOp.device_id)
            about = LoggedOp.site_id == self.site_id, LoggedOp.subject.in_(chunk)
            for row in db.session.execute(query.where(*about)):
                certainty = certainty_of_op(row.by, row.proof, row.device_id)
                if certainty and row.status in EFFECTIVE_STATUSES:
                    found[row.subject].append((row.by, row.occurred_at, certainty))
            self._by_subject.update({id_: found[id_] for id_ in chunk})

    def of(
        self, subject: str | None, by: str | None, at: datetime | str | None = None
    ) -> str | None:
        """How sure it is that a person did something to a record, at a time if it is known.

        None if that person has done nothing to it: they are only named there.
        """
        if not subject or not by:
            return None
        self.load([subject])
        ops = [op for op in self._by_subject[subject] if op[0] == by]
        moment = as_datetime(at)
        fitting = [op for op in ops if op[1] == moment] or ops
        return min((op[2] for op in fitting), key=LEAST_CERTAIN_FIRST.index, default=None)


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
