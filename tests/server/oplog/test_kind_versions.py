"""A kind that grew: what older phones send is judged as the newest version reads it."""

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
    payload=RemarkPayload,
    rule=remark_rule,
    type="task",
    fact=True,
    payload_version=3,
    upcasters={
        1: lambda said: {"note": said["remark"]},
        2: lambda said: {**said, "loud": False},
    },
)


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture(autouse=True)
def versioned_kind(monkeypatch):
    """A kind whose first version said `remark`, the second `note`, and the third how loud."""
    monkeypatch.setitem(KINDS, "task.remark", REMARK_KIND)
    monkeypatch.setitem(sync._payload_schemas, "task.remark", RemarkPayload())


@pytest.mark.rule("X7")
@pytest.mark.parametrize(
    ("v", "said", "note"),
    [
        (1, {"remark": "wet"}, "wet"),
        (2, {"note": "wet"}, "wet"),
        (3, {"note": "wet", "loud": True}, "wet!"),
    ],
)
def test_each_version_is_judged_and_stays_in_the_log_as_it_came(app, phone, v, said, note):
    op = phone.add_op("task.remark", TASK, said, by=ANA, v=v)
    assert phone.send_outbox()[op["id"]]["status"] == "applied"
    assert phone.get_record("task", TASK)["note"] == note
    with app.app_context():
        row = db.session.get(LoggedOp, (HOME_SITE, op["id"]))
        assert (row.v, row.payload, json.loads(row.body)) == (v, said, op)
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("X7")
def test_a_history_of_all_versions_is_read_in_the_newest(app, phone, monkeypatch):
    read = []
    task = sync.RECORD_TYPES["task"]
    fold = lambda record, facts: read.append([e.payload for e in facts]) or {}  # noqa: E731
    monkeypatch.setitem(sync.RECORD_TYPES, "task", replace(task, fold=fold))
    for v, said in enumerate(({"remark": "a"}, {"note": "b"}, {"note": "c", "loud": True}), 1):
        op = phone.add_op("task.remark", TASK, said, by=ANA, v=v)
        assert phone.send_outbox()[op["id"]]["status"] == "applied"
    assert read[-1] == [
        {"note": "a", "loud": False},
        {"note": "b", "loud": False},
        {"note": "c", "loud": True},
    ]


@pytest.mark.rule("X7")
def test_what_an_upcaster_cannot_read_is_kept_for_the_desk(app, phone):
    bad = phone.add_op("task.remark", TASK, {"nothing": 1}, by=ANA, v=1)
    good = phone.add_op("task.remark", TASK, {"remark": "dry"}, by=ANA, v=1)
    told = phone.send_outbox()
    assert told[bad["id"]]["status"] == "quarantined"
    assert told[good["id"]]["status"] == "applied"


@pytest.mark.rule("X7")
def test_every_kind_takes_every_version_that_it_ever_had():
    for name, kind in KINDS.items():
        assert sorted(kind.upcasters) == list(range(1, kind.payload_version)), name
    assert REMARK_KIND.accepted_versions == [1, 2, 3]
