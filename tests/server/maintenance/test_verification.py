"""What `lodge verify` finds besides faults of the log: chains of phones, photos, accounts."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import delete, func, select, update

from server.auth.pins import set_pin
from server.db.engine import db, write_transaction
from server.maintenance.epoch import epoch_ends, replace_epoch
from server.maintenance.verification import server_faults, site_faults
from server.models.access import Device, DevicePerson, Passkey, RecoveryCode
from server.models.credentials import Credential
from server.models.feed import ServerState
from server.models.oplog import Lineage, LoggedOp
from server.models.photos import Photo
from server.oplog.replay import find_faults
from server.oplog.security_log import SEALED_KEY, log_access, seal_older_rows
from server.photos.storage import blob_store
from server.photos.uploads import storage_key
from tests.phone_client import KeyPair
from tests.seed_data import ANA, BEN, EVE, HOME_SITE, TASK, TASKS, fixed_id


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def sha256(phone):
    """A photo of a task, received."""
    out = BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, "JPEG")
    content = out.getvalue()
    name = hashlib.sha256(content).hexdigest()
    phone.send_op("task.complete", TASK, {"photos": [name]}, by=ANA)
    assert phone.request_photo("PUT", name, content).status == 200
    return name


@pytest.mark.rule("A24")
def test_bytes_of_a_photo_that_were_changed_or_lost_are_found(app, sha256):
    with app.app_context():
        assert site_faults(HOME_SITE) == find_faults(HOME_SITE) == []
        name = storage_key(HOME_SITE, sha256)
        content = blob_store().get(name)
        blob_store().put(name, content[:-1] + bytes([content[-1] ^ 1]))
        assert site_faults(HOME_SITE) == [f"photo {sha256}: its bytes were changed"]
        blob_store().remove(name)
        assert site_faults(HOME_SITE) == [f"photo {sha256}: its bytes are missing"]


@pytest.mark.rule("A24")
def test_a_photo_that_was_replaced_together_with_its_digest_is_found(app, sha256):
    with app.app_context():
        with write_transaction():
            db.session.execute(update(Photo).values(digest="0" * 64))
        assert f"photo {sha256}: its digest is not the one in the log" in site_faults(HOME_SITE)


@pytest.mark.rule("A23")
@pytest.mark.parametrize(
    "forged",
    [{"gaps": []}, {"upto": 2}, {"upto": 9}, {"hash": "0" * 64}],
    ids=["gap closed", "end cut off", "end invented", "hash replaced"],
)
def test_a_chain_of_a_phone_that_was_edited_is_found(app, phone, forged):
    ops = [phone.add_op("task.complete", task, by=ANA) for task in TASKS[:4]]
    phone.push(ops[0], ops[2], ops[3])
    with app.app_context():
        assert site_faults(HOME_SITE) == []
        with write_transaction():
            db.session.execute(update(Lineage).values(forged))
        assert len(site_faults(HOME_SITE)) == 1


@pytest.mark.rule("A23")
def test_a_chain_that_was_deleted_is_found(app, phone):
    phone.send_op("task.complete", TASK, by=ANA)
    with app.app_context():
        with write_transaction():
            db.session.execute(delete(Lineage))
        assert [fault.endswith("the chain is gone") for fault in site_faults(HOME_SITE)] == [True]


@pytest.fixture
def signed(app, new_phone):
    """An op that Ben signed on a phone that he unlocked with his PIN."""
    with app.app_context(), write_transaction():
        set_pin(BEN, "730914")
    phone = new_phone(unlocks_for=None)
    phone.unlock(BEN, "730914")
    op = phone.add_op("task.cancel", TASKS[0], {"reason": "rain"}, by=BEN)
    assert phone.send_outbox()[op["id"]]["status"] == "applied"
    return op


def replace_key():
    db.session.execute(update(Credential).values(public_key=KeyPair().public_key))


def give_key_to_another():
    db.session.execute(update(Credential).values(person_id=ANA))


def delete_key():
    db.session.execute(delete(Credential))


def block_phone_without_its_keys():
    db.session.execute(update(Device).values(revoked_at=Device.enrolled_at))


def remove_signature():
    rows = update(LoggedOp).where(LoggedOp.kind == "task.cancel")
    db.session.execute(rows.values(body=func.replace(LoggedOp.body, '"sig"', '"sic"')))


@pytest.mark.rule("A22", "A26")
@pytest.mark.parametrize(
    "tamper",
    [replace_key, give_key_to_another, delete_key, block_phone_without_its_keys, remove_signature],
)
def test_a_key_or_a_signature_that_was_changed_by_hand_is_found(app, signed, tamper):
    with app.app_context():
        assert site_faults(HOME_SITE) == find_faults(HOME_SITE) == []
        assert [fault for fault in server_faults() if fault.startswith("credential")] == []
        with write_transaction():
            tamper()
        assert len(site_faults(HOME_SITE)) == 1
        assert tamper is remove_signature or server_faults()


def revive_key():
    db.session.execute(update(Credential).values(revoked_at=None))


def add_key():
    known = db.session.scalars(select(Credential)).first()
    columns = {c.key: getattr(known, c.key) for c in Credential.__table__.columns}
    db.session.add(Credential(**{**columns, "id": fixed_id("forged"), "revoked_at": None}))


def add_passkey():
    made = {"made_at": datetime.now(UTC), "sign_count": 0, "label": "x"}
    key = {"credential_id": "c", "public_key": "p"}
    db.session.add(Passkey(id=fixed_id("forged"), person_id=BEN, **key, **made))


def add_recovery_code():
    db.session.add(RecoveryCode(code_hash="0" * 64, person_id=BEN))


def add_person_to_phone():
    device = db.session.scalars(select(Device)).first()
    db.session.add(DevicePerson(site_id=HOME_SITE, device_id=device.id, person_id=ANA))
    device.people_key = device.people_key.replace("*", "0" * 32)


@pytest.mark.rule("A22")
@pytest.mark.asvs("16.4.2")
@pytest.mark.parametrize(
    "tamper",
    [revive_key, add_key, add_passkey, add_recovery_code, add_person_to_phone],
)
def test_what_lets_somebody_in_is_not_changed_by_hand(app, signed, signed_in, tamper):
    """A key that the desk ended comes to life again, or one is added that nobody registered."""
    eve = signed_in(EVE)
    assert eve.post(f"/desk/people/{BEN}/pin").status_code == 200
    with app.app_context():
        assert server_faults() == []
        with write_transaction():
            tamper()
        assert server_faults()


@pytest.mark.rule("A22")
def test_a_key_that_ended_with_its_phone_is_explained(app, signed, signed_in):
    eve = signed_in(EVE)
    with app.app_context():
        device = db.session.scalar(select(Device.id))
    assert eve.post(f"/desk/people/phones/{device}/revoke").status_code == 303
    with app.app_context():
        assert server_faults() == []
        with write_transaction():
            revive_key()
        assert [fault.split("/")[0] for fault in server_faults()] == ["credential"]


@pytest.mark.rule("A27")
@pytest.mark.asvs("16.4.2")
def test_an_epoch_that_ended_without_a_restore_is_found(app, phone):
    """Else whoever rewrites the log says that it was restored to its beginning."""
    phone.send_op("task.complete", TASK, by=ANA)
    with app.app_context():
        assert [fault for fault in server_faults() if fault.startswith("epoch")] == []
        replace_epoch()
        assert [fault.split(":")[0][:6] for fault in server_faults()].count("epoch ") == 1
        log_access("restore", site_id=None, by=None, details={"epoch": epoch_ends()[-1]})
        assert [fault for fault in server_faults() if fault.startswith("epoch")] == []
        with write_transaction():
            ended = ServerState.key.startswith("epoch-end:")
            places = json.dumps({"at": "2026", "places": {HOME_SITE: 0}})
            db.session.execute(update(ServerState).where(ended).values(value=places))
        assert [fault.split(":")[0][:6] for fault in server_faults()].count("epoch ") == 1


@pytest.mark.rule("A22", "L6")
def test_a_key_of_somebody_who_left_is_explained_by_that(app, signed, desk_op):
    assert desk_op("person.leave", BEN, {}, by=EVE)["status"] == "applied"
    with app.app_context():
        assert server_faults() == []
        assert db.session.scalar(select(Credential.revoked_at)) is not None
        with write_transaction():
            revive_key()
        assert [fault.split(" ")[0] for fault in site_faults(HOME_SITE)] == ["key"]


@pytest.mark.rule("A22")
def test_accounts_of_an_earlier_version_are_taken_over_once(app):
    with app.app_context():
        with write_transaction():
            set_pin(ANA, "2468")
        seal_older_rows()
        assert server_faults() == []
        with write_transaction():
            set_pin(BEN, "1357")
        seal_older_rows()
        assert len(server_faults()) == 1 and BEN in server_faults()[0]
        assert db.session.get(ServerState, SEALED_KEY)
