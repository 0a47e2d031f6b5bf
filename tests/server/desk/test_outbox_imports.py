"""Importing a phone file: each op is judged as if the phone had sent it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import func, select

from server.auth.devices import revoke_device
from server.db.engine import db
from server.models.oplog import Lineage, LoggedOp
from server.models.outbox_imports import OutboxImport
from server.models.photos import Photo
from server.models.quarantine import QuarantinedOp
from server.models.tasks import Task
from server.oplog.replay import find_faults
from tests.phone_client import canonical, with_hash
from tests.seed_data import ANA, BEN, CHU, HOME_SITE, OTHER_SITE, TASK, TASKS, fixed_id

EN = {"Accept-Language": "en"}


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def jpeg_bytes() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG")
    return out.getvalue()


def export_outbox(phone, *shots: bytes, **more):
    """The file that the phone's export page writes, signed."""
    photos = [
        {
            "sha256": hashlib.sha256(shot).hexdigest(),
            "bytes": len(shot),
            "data": base64.b64encode(shot).decode(),
        }
        for shot in shots
    ]
    who = {"site": phone.site, "device": phone.device, "lineage": phone.lineage}
    head = {"lodge": "outbox", "format": 1, "exported_at": phone.now(), "lost": []}
    payload = {**head, **who, "ops": phone.outbox, "photos": photos, **more}
    return {**payload, "seal": file_signature(payload, phone.token)}


def file_signature(told, token):
    """HMAC-SHA256 over the file with ops and photos replaced by their hashes; key: token hash."""
    brief = {
        **told,
        "ops": [op["hash"] for op in told["ops"]],
        "photos": [shot["sha256"] for shot in told["photos"]],
    }
    key = hashlib.sha256(token.encode()).digest()
    return hmac.new(key, canonical(brief), "sha256").hexdigest()


def upload(desk, export):
    raw = export if isinstance(export, bytes) else json.dumps(export).encode()
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="outbox.json"\r\n\r\n'
    form = head + raw + b"\r\n--edge--\r\n"
    return desk.post(
        "/desk/import/", form, headers=EN, content_type="multipart/form-data; boundary=edge"
    )


def row_count(app, table):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table))


@pytest.mark.rule("X6")
def test_imported_ops_get_the_verdicts_of_a_push(app, ben, phone, new_phone):
    shot = jpeg_bytes()
    sha256 = hashlib.sha256(shot).hexdigest()
    phone.add_op("task.complete", TASK, {"photos": [sha256]}, by=ANA)
    phone.add_op("task.complete", TASKS[1], {"nonsense": 1}, by=ANA)
    answer = upload(ben, export_outbox(phone, shot))
    assert answer.status_code == 200
    for word in ("2 records from Test phone", "1 photo received", "accepted", "could not be read"):
        assert word in answer.text
    done = new_phone().get_record("task", TASK)
    assert (done["done_by_id"], done["photos_here"]) == (ANA, 1)
    ops, photos = row_count(app, LoggedOp), row_count(app, Photo)
    assert "2 records" in upload(ben, export_outbox(phone, shot)).text, "a second time"
    told = list(phone.send_outbox().values())
    assert [verdict["status"] for verdict in told] == ["applied", "quarantined"], "and its own push"
    assert (row_count(app, LoggedOp), row_count(app, Photo)) == (ops + 1, photos), "who brought it"


@pytest.mark.rule("X6")
def test_an_import_records_gaps_and_losses(app, ben, phone):
    for _ in range(3):
        phone.add_op("task.confirm", TASK, by=ANA)
    del phone.outbox[1]
    upload(ben, export_outbox(phone, lost=[2]))
    with app.app_context():
        chain = db.session.get(Lineage, (HOME_SITE, phone.lineage))
        assert (chain.upto, chain.gaps, chain.lost) == (3, [[2, 2]], [[2, 2]])


@pytest.mark.rule("X6")
def test_the_file_of_a_blocked_phone_is_quarantined(app, ben, phone):
    with app.app_context():
        revoke_device(HOME_SITE, phone.device, lost=True)
    phone.add_op("task.complete", TASK, by=ANA)
    assert "This phone has been blocked" in upload(ben, export_outbox(phone, jpeg_bytes())).text
    assert row_count(app, Photo) == 0


def unsigned_export(phone, **more):
    """A file with a wrong signature."""
    return {**export_outbox(phone, **more), "seal": "0" * 64}


def quarantined_ops(app):
    with app.app_context():
        return db.session.scalars(QuarantinedOp.undecided(HOME_SITE)).all()


@pytest.mark.rule("X9")
def test_the_ops_of_an_unsigned_file_are_quarantined(app, ben, phone):
    phone.add_op("task.complete", TASK, {"note": "mine"}, by=ANA)
    del phone.outbox[0]
    op = phone.add_op("task.complete", TASK, {"note": "two buckets"}, by=ANA)
    shot = jpeg_bytes()
    forged = {**export_outbox(phone, shot), "lost": [1]}
    for seal in (None, 7, "", "é", forged["seal"]):
        page = upload(ben, {**forged, "seal": seal})
        assert page.status_code == 200 and "was not signed by its phone" in page.text
    (kept,) = quarantined_ops(app)
    assert (kept.id, kept.status, kept.code) == (op["id"], "held", "unsealed")
    assert row_count(app, Lineage) == 0, "of the chain it says nothing"
    assert row_count(app, Photo) == 1
    page = ben.get("/desk/aside/", headers=EN).text
    assert "1 record in quarantine" in page and "two buckets" in page and "unsigned file" in page
    ben.post(f"/desk/aside/{op['id']}/accept")
    with app.app_context():
        task = db.session.get(Task, (HOME_SITE, TASK))
    assert (task.done_by_id, task.note) == (ANA, "two buckets")
    verdict = phone.send_outbox()[op["id"]]
    assert verdict["status"] == "held", "it counts once, though the phone comes in the end"
    assert row_count(app, Lineage) == 1


@pytest.mark.rule("X9")
def test_a_later_push_replaces_an_unsigned_import(app, ben, phone):
    op = phone.add_op("task.complete", TASK, by=ANA)
    upload(ben, unsigned_export(phone))
    ben.post(f"/desk/aside/{op['id']}/dismiss", {"reason": "not from the phone"})
    assert phone.send_outbox()[op["id"]]["status"] == "applied"
    assert quarantined_ops(app) == []
    assert phone.get_record("task", TASK)["done_by_id"] == ANA
    with app.app_context():
        assert db.session.get(Lineage, (HOME_SITE, phone.lineage)).upto == 1
    assert ben.get("/desk/aside/").status_code == 200


@pytest.mark.rule("X9")
def test_a_signed_file_replaces_an_unsigned_import(app, ben, phone):
    phone.add_op("task.complete", TASK, by=ANA)
    upload(ben, unsigned_export(phone))
    assert "accepted" in upload(ben, export_outbox(phone)).text
    assert quarantined_ops(app) == []


@pytest.mark.rule("X9")
def test_a_forged_op_does_not_block_the_true_one(app, ben, phone):
    true = phone.add_op("task.complete", TASK, {"note": "true"}, by=ANA)
    forged = [
        with_hash({**true, "payload": {"note": "forged"}}),
        with_hash({**true, "payload": {"nonsense": 1.5}}),
        {**true, "payload": {"note": "damaged"}},
    ]
    for op in forged:
        upload(ben, unsigned_export(phone, ops=[op]))
    for _ in range(2):
        assert phone.push(true).expect_ok()["verdicts"][0]["status"] == "applied", "and no fork"
    assert phone.get_record("task", TASK)["note"] == "true"
    for op in forged:
        upload(ben, unsigned_export(phone, ops=[op]))
    assert len(quarantined_ops(app)) == 3, "each is kept once, also after the true one"


@pytest.mark.rule("X10")
def test_the_phone_page_lists_imported_files(app, ben, phone):
    phone.add_op("task.complete", TASK, by=ANA)
    upload(ben, export_outbox(phone, jpeg_bytes()))
    upload(ben, unsigned_export(phone))
    with app.app_context():
        rows = db.session.scalars(OutboxImport.for_device(HOME_SITE, phone.device)).all()
    assert [(row.taken_by_id, row.ops, row.pictures, row.sealed) for row in rows] == [
        (BEN, 1, 0, False),
        (BEN, 1, 1, True),
    ]
    page = " ".join(ben.get(f"/desk/people/phones/{phone.device}", headers=EN).text.split())
    for word in (
        "Imported files",
        "1 record, 1 photo",
        "signed by the phone",
        "not signed by the phone",
    ):
        assert word in page
    page = " ".join(ben.get("/desk/import/", headers=EN).text.split())
    assert page.count(f"/desk/people/phones/{phone.device}") == 2 and "Ben" in page
    unsigned = ben.get("/desk/import/?signature=unsigned", headers=EN).text
    assert unsigned.count(f"/desk/people/phones/{phone.device}") == 1 and "not signed" in unsigned
    op = phone.add_op("parcel.take", None, {"device_id": phone.device}, by=BEN)
    assert phone.send_outbox()[op["id"]]["status"] == "quarantined", "no phone writes that"


def nested_object(levels):
    """JSON objects nested so many levels deep."""
    inner = {}
    for _ in range(levels - 1):
        inner = {"a": inner}
    return inner


INVALID_FILES = {
    "no file": (b"", "not made by a phone"),
    "no JSON": (b"GIF89a", "not made by a phone"),
    "another JSON": ({"lodge": "pack"}, "not made by a phone"),
    "cut short": (b'{"lodge": "outbox", "ops": [', "incomplete"),
    "bottomless": (b'{"a":' * 50_000, "not valid"),
    "deep": ({"ops": [{"payload": nested_object(300)}]}, "not valid"),
    "deep, but not an op": ({"exported_at": nested_object(15)}, "damaged on the way"),
    "no list, but deep": (json.dumps(nested_object(900)).encode(), "not valid"),
    "newer": ({"format": 2}, "newer version of Lodge"),
    "ops are none": ({"ops": "x"}, "damaged on the way"),
    "a photo's name": (
        {"photos": [{"sha256": "../x", "bytes": 1, "data": ""}]},
        "damaged on the way",
    ),
    "a huge op": ({"ops": [{"payload": "x" * 1_100_000}]}, "damaged on the way"),
    "no such phone": ({"device": fixed_id("x")}, "not registered here"),
    "NUL": ({"device": "a\x00"}, "damaged on the way"),
}


@pytest.mark.rule("X5")
def test_an_invalid_file_is_rejected_with_a_remedy(app, ben, phone):
    before = row_count(app, LoggedOp)
    for name, (bad, remedy) in INVALID_FILES.items():
        answer = upload(ben, {**export_outbox(phone), **bad} if isinstance(bad, dict) else bad)
        assert answer.status_code == 422 and remedy in answer.text, name
    assert row_count(app, LoggedOp) == before


@pytest.mark.rule("X5")
def test_a_file_of_another_site_or_phone_is_rejected(ben, dao, phone, new_phone):
    phone.send_op("task.complete", TASK, by=ANA)
    other = new_phone()
    mixed = export_outbox(other, lineage=phone.lineage)
    assert "records of two phones" in upload(ben, mixed).text
    assert "another site" in upload(dao, export_outbox(phone)).text
    assert "not registered here" in upload(dao, export_outbox(phone, site=OTHER_SITE)).text


@pytest.mark.rule("X5")
def test_a_phone_file_that_is_too_big_is_rejected(ben):
    answer = upload(ben, b'{"a":"' + b"x" * (33 * 1024 * 1024))
    assert answer.status_code == 422 and "too big" in answer.text


def test_invalid_photos_are_counted_and_skipped(ben, phone):
    phone.add_op("task.complete", TASK, by=CHU)
    shots = [{"sha256": "0" * 64, "bytes": 3, "data": data} for data in ("AAAA", "no base64!")]
    answer = upload(ben, export_outbox(phone, photos=shots))
    assert "2 photos could not be imported" in answer.text and "accepted" in answer.text
