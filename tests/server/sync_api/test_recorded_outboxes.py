"""Outboxes that phones of every released version made are replayed against this one."""

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
"""What may become of an op as time goes by; that nobody can read it any more, may not."""


@pytest.mark.rule("X7")
@pytest.mark.parametrize(("recording", "name", "steps"), SCENARIOS)
def test_what_an_older_phone_sent_is_taken_by_this_version(sqlite_app, recording, name, steps):
    with sqlite_app.app_context():
        phone = PhoneClient(FlaskTransport(sqlite_app.test_client())).enrol(
            issue_code(seed_data.HOME_SITE, by=seed_data.BEN)
        )
    for step in steps:
        if "desk" in step:
            with sqlite_app.app_context():
                submit_many(seed_data.HOME_SITE, step["desk"])
            continue
        # The phone sends today what it has kept; with the time of the recording it would say that
        # its clock is slow, and what was done within a window would seem to be done after it.
        verdicts = phone.push(**step["push"] | {"sent_at": phone.now()}).expect_ok()["verdicts"]
        for op, told, verdict in zip(step["push"]["ops"], step["told"], verdicts, strict=True):
            same = verdict["status"] == told or verdict["status"] in EXPECTED_NON_APPLIED
            assert same, (name, op["kind"], told, verdict)
    with sqlite_app.app_context():
        assert find_faults(seed_data.HOME_SITE) == []


@pytest.mark.rule("X7")
def test_every_version_of_every_kind_that_phones_send_is_in_a_recording():
    """One that is missing is recorded with tests/corpus/record.py before its release."""
    wanted = {
        (name, v)
        for name, kind in KINDS.items()
        if kind.from_phones
        for v in kind.accepted_versions
    }
    there = {(op["kind"], op["v"]) for recording in RECORDINGS for op in pushed_ops(recording)}
    assert wanted - there == set()
