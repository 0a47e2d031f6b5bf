"""Payload versions: ops of older phones are converted before they are judged."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from marshmallow import fields

import sync
from server.db.engine import db
from server.models.oplog import LoggedOp
from server.oplog.replay import find_faults
from sync import KINDS, Accepted
from sync.protocol.op import Kind, Payload
from tests.seed_data import ANA, HOME_SITE, TASK


class RemarkPayload(Payload):
    note = fields.String(required=True)
    loud = fields.Boolean(required=True)


def remark_rule(task, op):
    note = f"{op.payload['note']}{'!' if op.payload['loud'] else ''}"
    return Accepted({"note": note})


REMARK_KIND = Kind(
    label="Remark",
    payload=RemarkPayload,
    rule=remark_rule,
    type="task",
    fact=True,
    payload_version=3,
    upcasters={
        1: lambda payload: {"note": payload["remark"]},
        2: lambda payload: {**payload, "loud": False},
    },
)


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture(autouse=True)
def versioned_kind(monkeypatch):
    """A kind whose field was `remark` in version 1, `note` in 2, and which has `loud` in 3."""
    monkeypatch.setitem(KINDS, "task.remark", REMARK_KIND)
    monkeypatch.setitem(sync._payload_schemas, "task.remark", RemarkPayload())


@pytest.mark.rule("X7")
@pytest.mark.parametrize(
    ("v", "payload", "note"),
    [
        (1, {"remark": "wet"}, "wet"),
        (2, {"note": "wet"}, "wet"),
        (3, {"note": "wet", "loud": True}, "wet!"),
    ],
)
def test_each_version_is_accepted_and_logged_unchanged(app, phone, v, payload, note):
    op = phone.add_op("task.remark", TASK, payload, by=ANA, v=v)
    assert phone.send_outbox()[op["id"]]["status"] == "applied"
    assert phone.get_record("task", TASK)["note"] == note
    with app.app_context():
        row = db.session.get(LoggedOp, (HOME_SITE, op["id"]))
        assert (row.v, row.payload, json.loads(row.body)) == (v, payload, op)
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("X7")
def test_history_is_converted_to_the_newest_version(app, phone, monkeypatch):
    folded = []
    task = sync.RECORD_TYPES["task"]
    fold = lambda record, facts: folded.append([fact.payload for fact in facts]) or {}  # noqa: E731
    monkeypatch.setitem(sync.RECORD_TYPES, "task", replace(task, fold=fold))
    payloads = {"remark": "a"}, {"note": "b"}, {"note": "c", "loud": True}
    for v, payload in enumerate(payloads, start=1):
        op = phone.add_op("task.remark", TASK, payload, by=ANA, v=v)
        assert phone.send_outbox()[op["id"]]["status"] == "applied"
    assert folded[-1] == [
        {"note": "a", "loud": False},
        {"note": "b", "loud": False},
        {"note": "c", "loud": True},
    ]


@pytest.mark.rule("X7")
def test_a_payload_that_no_upcaster_can_convert_is_quarantined(app, phone):
    bad = phone.add_op("task.remark", TASK, {"nothing": 1}, by=ANA, v=1)
    good = phone.add_op("task.remark", TASK, {"remark": "dry"}, by=ANA, v=1)
    verdicts = phone.send_outbox()
    assert verdicts[bad["id"]]["status"] == "quarantined"
    assert verdicts[good["id"]]["status"] == "applied"


@pytest.mark.rule("X7")
def test_every_kind_accepts_every_version_it_ever_had():
    for name, kind in KINDS.items():
        assert sorted(kind.upcasters) == list(range(1, kind.payload_version)), name
    assert REMARK_KIND.accepted_versions == [1, 2, 3]
