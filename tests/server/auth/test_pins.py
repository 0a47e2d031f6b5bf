"""PINs: set at the desk, checked on phones, never in the log."""

import pytest

from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.models.oplog import LoggedOp
from server.oplog.directory import invalidate_directories
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import ANA, HOME_SITE


@pytest.mark.rule("E5")
def test_a_new_pin_reaches_phones_and_is_in_no_op(app, phone, desk_op):
    before = phone.get_record("person", ANA)
    assert before["pin_check"] is None
    with app.app_context():
        with write_transaction():
            set_pin(ANA, "8642")
        invalidate_directories()
    assert desk_op("person.secure", ANA)["status"] == "applied"
    verifier = phone.get_record("person", ANA)["pin_check"]
    assert verifier.keys() == {"iterations", "salt", "hash"}
    with app.app_context():
        texts = [op.body + str(op.changes) for op in db.session.scalars(db.select(LoggedOp))]
    assert not [text for text in texts if verifier["hash"] in text or "8642" in text]


def test_enrolment_returns_pin_verifiers(app, client, enrolment_code):
    with app.app_context():
        with write_transaction():
            set_pin(ANA, "8642")
        invalidate_directories()
    phone = PhoneClient(FlaskTransport(client), site=HOME_SITE).enrol(enrolment_code())
    (ana,) = (person for person in phone.people if person["id"] == ANA)
    assert ana["pin_check"]["iterations"] >= 600_000
