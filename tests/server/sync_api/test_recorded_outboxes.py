"""Outboxes recorded with each released version of the app are accepted by this server."""

from __future__ import annotations

import pytest

from server.auth.devices import issue_code
from server.oplog.receive import submit_many
from server.oplog.replay import find_faults
from sync import KINDS
from tests import seed_data
from tests.corpus import RECORDINGS, pushed_ops, scenarios
from tests.phone_client import FlaskTransport, PhoneClient

SCENARIOS = [
    pytest.param(recording, name, steps, id=f"{recording.stem}-{name}")
    for recording in RECORDINGS
    for name, steps in scenarios(recording)
]
EXPECTED_NON_APPLIED = {"merged", "contested", "refused", "held", "waiting"}
"""Statuses that may replace the recorded one as rules change; quarantined and deferred may not."""


@pytest.mark.rule("X7")
@pytest.mark.parametrize(("recording", "name", "steps"), SCENARIOS)
def test_recorded_ops_are_answered_as_when_they_were_recorded(sqlite_app, recording, name, steps):
    with sqlite_app.app_context():
        phone = PhoneClient(FlaskTransport(sqlite_app.test_client())).enrol(
            issue_code(seed_data.HOME_SITE, by=seed_data.BEN)
        )
    for step in steps:
        if "desk" in step:
            with sqlite_app.app_context():
                submit_many(seed_data.HOME_SITE, step["desk"])
            continue
        # Sent with the time of today: the recorded time would look like a slow clock, by which
        # the server would correct the times of the ops.
        verdicts = phone.push(**step["push"] | {"sent_at": phone.now()}).expect_ok()["verdicts"]
        for op, recorded, verdict in zip(step["push"]["ops"], step["told"], verdicts, strict=True):
            same = verdict["status"] == recorded or verdict["status"] in EXPECTED_NON_APPLIED
            assert same, (name, op["kind"], recorded, verdict)
    with sqlite_app.app_context():
        assert find_faults(seed_data.HOME_SITE) == []


@pytest.mark.rule("X7")
def test_every_version_of_every_phone_kind_is_recorded():
    """Record a missing version with tests/corpus/record.py before its release."""
    expected = {
        (name, v)
        for name, kind in KINDS.items()
        if kind.from_phones
        for v in kind.accepted_versions
    }
    recorded = {(op["kind"], op["v"]) for recording in RECORDINGS for op in pushed_ops(recording)}
    assert expected - recorded == set()
