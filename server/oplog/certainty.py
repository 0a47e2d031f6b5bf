"""How sure it is who did something: confirmed by PIN, signed in at the desk, or only claimed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from server.db.engine import db
from server.db.statements import chunks
from server.models.oplog import APPLIED_STATUSES, LoggedOp
from sync.protocol.clock import as_datetime, format_time
from sync.protocol.op import CLAIMED, DESK, PERSON, SERVER, SERVER_AUTHOR_ID

EFFECTIVE_STATUSES = (*APPLIED_STATUSES, "contested")
"""Statuses of ops that may have made their author the author of a record; a contested one does if
the desk decides for it."""

LEAST_CERTAIN_FIRST = (CLAIMED, DESK, PERSON)


class Act(NamedTuple):
    """What somebody did to a record, and how sure that is."""

    by: str
    at: datetime
    certainty: str


def certainty_of_op(by: str | None, proof: str | None, device_id: str | None) -> str | None:
    """How sure it is who made a logged op; None for what the server itself did.

    An op of a version that checked nothing is as sure as where it came from.
    """
    if by is None or by == SERVER_AUTHOR_ID or proof == SERVER:
        return None
    return proof or (CLAIMED if device_id else DESK)


def acts_on(site_id: str, subjects: Iterable[str]) -> dict[str, list[Act]]:
    """What people did to these records, by the log."""
    found = defaultdict[str, list[Act]](list)
    for chunk in chunks(sorted(set(subjects))):
        columns = LoggedOp.subject, LoggedOp.by, LoggedOp.occurred_at, LoggedOp.status
        query = select(*columns, LoggedOp.proof, LoggedOp.device_id)
        about = LoggedOp.site_id == site_id, LoggedOp.subject.in_(chunk)
        for row in db.session.execute(query.where(*about)):
            certainty = certainty_of_op(row.by, row.proof, row.device_id)
            if certainty and row.status in EFFECTIVE_STATUSES:
                found[row.subject].append(Act(row.by, row.occurred_at, certainty))
    return dict(found)


def certainty_of(acts: Sequence[Act], by: str, at: datetime | str | None = None) -> str | None:
    """How sure it is that a person did one of these acts, at a time if it is known. Of several that
    fit, the least certain one counts; None if that person did none."""
    own, moment = [act for act in acts if act.by == by], as_datetime(at)
    fitting = [act for act in own if act.at == moment] or own
    return min((act.certainty for act in fitting), key=LEAST_CERTAIN_FIRST.index, default=None)


def certainties_for_phones(acts: Sequence[Act]) -> dict[str, str]:
    """The certainty of each person, by id, and of one at a time ("id time") where it differs."""
    people = {act.by: certainty_of(acts, act.by) or "" for act in acts}
    moments = {
        f"{act.by} {format_time(act.at)}": certainty_of(acts, act.by, act.at) or "" for act in acts
    }
    return people | {key: word for key, word in moments.items() if word != people[key[:36]]}
