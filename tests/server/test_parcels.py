"""A file that a phone exported is taken in at the desk as if the phone had sent it."""

from __future__ import annotations

import base64
import hashlib
import json
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import func, select

from server.db import db
from server.devices import cut_off
from server.tables import Lineage, LoggedOp, Photo
from server.verify import verify
from tests.cast import ANA, AWAY, CHU, HOME, TASK, TASKS, named

EN = {"Accept-Language": "en"}


@pytest.fixture
def app(on_sqlite):
    return on_sqlite


@pytest.fixture(autouse=True)
def log_and_records_agree(app):
    yield
    with app.app_context():
        assert verify(HOME) == []


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG")
    return out.getvalue()


def exported(phone, *shots: bytes, **more):
    """What the phone's page for that writes."""
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
    return {**head, **who, "ops": phone.outbox, "photos": photos, **more}


def upload(desk, parcel):
    raw = parcel if isinstance(parcel, bytes) else json.dumps(parcel).encode()
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="outbox.json"\r\n\r\n'
    form = head + raw + b"\r\n--edge--\r\n"
    return desk.post(
        "/desk/import/", form, headers=EN, content_type="multipart/form-data; boundary=edge"
    )


def count(app, table):
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table))


@pytest.mark.rule("X6")
def test_each_op_is_answered_as_the_phone_would_be(app, ben, phone, new_phone):
    shot = picture()
    sha256 = hashlib.sha256(shot).hexdigest()
    phone.op("task.complete", TASK, {"photos": [sha256]}, by=ANA)
    phone.op("task.complete", TASKS[1], {"nonsense": 1}, by=ANA)
    answer = upload(ben, exported(phone, shot))
    assert answer.status_code == 200
    for word in ("2 records of Test phone", "1 photo is here", "stands", "could not be read"):
        assert word in answer.text
    done = new_phone().record("task", TASK)
    assert (done["done_by_id"], done["photos_here"]) == (ANA, 1)
    ops, photos = count(app, LoggedOp), count(app, Photo)
    assert "2 records" in upload(ben, exported(phone, shot)).text, "a second time"
    told = list(phone.send().values())
    assert [verdict["status"] for verdict in told] == ["applied", "quarantined"], "and its own push"
    assert (count(app, LoggedOp), count(app, Photo)) == (ops, photos)


@pytest.mark.rule("X6")
def test_gaps_and_confessions_come_along(app, ben, phone):
    for _ in range(3):
        phone.op("task.confirm", TASK, by=ANA)
    del phone.outbox[1]
    upload(ben, exported(phone, lost=[2]))
    with app.app_context():
        chain = db.session.get(Lineage, (HOME, phone.lineage))
        assert (chain.upto, chain.gaps, chain.lost) == (3, [[2, 2]], [[2, 2]])


@pytest.mark.rule("X6")
def test_what_a_phone_holds_that_was_cut_off_waits_for_the_desk(app, ben, phone):
    with app.app_context():
        cut_off(HOME, phone.device, lost=True)
    phone.op("task.complete", TASK, by=ANA)
    assert "no longer allowed" in upload(ben, exported(phone, picture())).text
    assert count(app, Photo) == 0


WRONG = {
    "no file": (b"", "no file from a phone"),
    "no JSON": (b"GIF89a", "no file from a phone"),
    "another JSON": ({"lodge": "pack"}, "no file from a phone"),
    "cut short": (b'{"lodge": "outbox", "ops": [', "cut short"),
    "deep": (b'{"a":' * 50_000, "cut short"),
    "newer": ({"format": 2}, "newer than this Lodge"),
    "ops are none": ({"ops": "x"}, "changed on its way"),
    "a photo's name": ({"photos": [{"sha256": "../x", "bytes": 1, "data": ""}]}, "changed on"),
    "a huge op": ({"ops": [{"payload": "x" * 1_100_000}]}, "changed on its way"),
    "no such phone": ({"device": named("x")}, "not known here"),
    "NUL": ({"device": "a\x00"}, "changed on its way"),
}


@pytest.mark.rule("X5")
def test_a_bad_file_changes_nothing_and_says_what_helps(app, ben, phone):
    before = count(app, LoggedOp)
    for name, (bad, remedy) in WRONG.items():
        answer = upload(ben, {**exported(phone), **bad} if isinstance(bad, dict) else bad)
        assert answer.status_code == 422 and remedy in answer.text, name
    assert count(app, LoggedOp) == before


@pytest.mark.rule("X5")
def test_a_file_goes_to_its_own_site_and_its_own_phone(ben, dao, phone, new_phone):
    phone.verdict("task.complete", TASK, by=ANA)
    other = new_phone()
    mixed = exported(other, lineage=phone.lineage)
    assert "mixes two phones" in upload(ben, mixed).text
    assert "another site" in upload(dao, exported(phone)).text
    assert "not known here" in upload(dao, exported(phone, site=AWAY)).text


@pytest.mark.rule("X5")
def test_a_file_that_is_too_big_is_not_read(ben):
    answer = upload(ben, b'{"a":"' + b"x" * (33 * 1024 * 1024))
    assert answer.status_code == 422 and "too big" in answer.text


def test_a_photo_that_is_none_is_counted_and_holds_up_nothing(ben, phone):
    phone.op("task.complete", TASK, by=CHU)
    shots = [{"sha256": "0" * 64, "bytes": 3, "data": data} for data in ("AAAA", "no base64!")]
    answer = upload(ben, exported(phone, photos=shots))
    assert "2 photos could not be taken" in answer.text and "stands" in answer.text
