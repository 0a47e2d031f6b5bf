"""The wire's envelope: enrol, hello, who may come in, and what is answered to nonsense."""

import gzip
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from server.db.engine import db
from server.models.access import EnrolmentCode
from tests.phone_client import FlaskTransport, PhoneClient
from tests.seed_data import ANA, BEN, CHU, DAO, EVE, HOME_SITE, OTHER_SITE, TASK


def is_problem(reply, status):
    """RFC 9457, with a remedy, without a word of the programme's inside."""
    assert reply.status == status, (reply.status, reply.body[:300])
    assert reply.headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert reply.json["status"] == status
    assert reply.json["title"]
    assert reply.json["detail"]
    assert b"Traceback" not in reply.body
    assert b".py" not in reply.body
    return True


def unenrolled_client(client):
    return PhoneClient(FlaskTransport(client), site=HOME_SITE)


def test_a_code_enrols_a_phone_and_names_the_people_of_its_site_alone(client, enrolment_code):
    told = unenrolled_client(client).request_enrolment(enrolment_code())
    assert told.status == 200
    assert told.json.keys() == {"sync", "device", "token", "site", "people"}
    assert (told.json["sync"], told.json["site"]) == ("1", HOME_SITE)
    assert {person["id"] for person in told.json["people"]} == {ANA, BEN, CHU, EVE}
    assert all(p.keys() == {"id", "name", "roles", "pin_check"} for p in told.json["people"])
    assert DAO not in told.body.decode()


def test_a_code_enrols_one_phone_only(client, enrolment_code):
    once = enrolment_code()
    assert unenrolled_client(client).request_enrolment(once).status == 200
    assert is_problem(unenrolled_client(client).request_enrolment(once), 403)


def test_a_code_works_for_ten_minutes(app, client, enrolment_code):
    late = enrolment_code()
    with app.app_context():
        found = db.session.scalars(db.select(EnrolmentCode)).one()
        assert found.expires_at - found.issued_at == timedelta(minutes=10)
        db.session.execute(update(EnrolmentCode).values(expires_at=datetime.now(UTC)))
        db.session.commit()
    assert is_problem(unenrolled_client(client).request_enrolment(late), 403)


def test_codes_cannot_be_guessed_for_long(client):
    told = [unenrolled_client(client).request_enrolment(f"AAAA-{n:04}").status for n in range(60)]
    assert set(told) <= {403, 429}
    assert 429 in told


def test_hello_tells_all_that_a_phone_must_know(phone):
    phone.add_op("task.complete", TASK, by=ANA)
    phone.send_outbox()
    told = phone.hello()
    assert told.status == 200
    names = {"sync", "epoch", "received_at", "sent_at", "min_app", "accepts", "limits"}
    assert told.json.keys() >= {*names, "backup_watermark", "sites"}
    assert told.json["limits"].keys() >= {"ops", "bytes", "page"}
    assert told.json["limits"]["ops"] == 200
    assert told.json["accepts"]["task.complete"] == [1]
    assert "task.plan" not in told.json["accepts"]
    known = told.json["sites"][HOME_SITE]
    assert (known["upto"], known["hash"], known["gaps"]) == (1, phone.last_hash, [])
    assert isinstance(known["scope"], str)
    received = datetime.fromisoformat(told.json["received_at"])
    assert abs(datetime.now(UTC) - received) < timedelta(minutes=1)


def test_hello_passes_over_what_a_newer_app_says_besides(phone):
    assert phone.hello(mood="fine").status == 200


@pytest.mark.parametrize("path", ["hello", f"{HOME_SITE}/push", f"{HOME_SITE}/pull"])
@pytest.mark.parametrize("token", ["", "guess", "\u00e9"])
def test_without_a_token_nothing_is_told(client, path, token):
    reply = PhoneClient(FlaskTransport(client), token=token.encode().decode("latin-1")).post(
        f"/sync/{path}", {}
    )
    assert is_problem(reply, 401)
    assert reply.headers["Cache-Control"] == "no-store"


def test_another_site_does_not_exist(phone):
    phone.site = OTHER_SITE
    assert is_problem(phone.push(ops=[]), 404)
    assert is_problem(phone.pull(), 404)
    assert phone.request_photo("GET", "0" * 64).status == 404
    assert phone.request_photo("PUT", "0" * 64, b"x").status == 404


def test_no_reply_is_kept_by_anybody(phone):
    replies = [
        phone.hello(),
        phone.push(ops=[]),
        phone.pull(),
        phone.request_photo("HEAD", "0" * 64),
    ]
    assert {reply.headers["Cache-Control"] for reply in replies} == {"no-store"}
    assert all(reply.json["sync"] == "1" for reply in replies[:3])


MALFORMED_BODIES = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": NaN}', b'"x"', b"1" * 5000]


@pytest.mark.parametrize("path", ["enrol", "hello", f"{HOME_SITE}/push", f"{HOME_SITE}/pull"])
def test_nonsense_is_told_what_helps(phone, path):
    for body in MALFORMED_BODIES:
        reply = phone.post(f"/sync/{path}", body)
        assert reply.status in (400, 422), body
        assert is_problem(reply, reply.status)


INVALID_MESSAGES = [
    {"lineage": 5},
    {"lineage": ""},
    {"sent_at": "yesterday"},
    {"sent_at": "2026-11-24T10:00:00"},
    {"sent_at": "9999-12-31T23:59:59-23:59"},
    {"sent_at": "0001-01-01T00:00:00+23:59"},
    {"lost": "all"},
    {"lost": [-1]},
    {"ops": {}},
    {"ops": [1]},
    {"ops": [None]},
    {"lineage": "x\u0000y"},
    {"lineage": "\ud800"},
]


def test_a_faulty_envelope_is_4xx_and_nothing_of_it_is_kept(phone):
    op = phone.add_op("task.complete", TASK, by=ANA)
    for wrong in INVALID_MESSAGES:
        reply = phone.push(**{"ops": [op], **wrong})
        assert 400 <= reply.status < 500, (wrong, reply.body)
        assert is_problem(reply, reply.status)
    assert phone.get_record("task", TASK)["state"] == "open"


@pytest.mark.parametrize("odd", ["x\u0000y", "\ud800", "", "x" * 10_000, 5, None, [], {}])
def test_odd_words_in_any_field_are_4xx_never_5xx(phone, enrolment_code, odd):
    replies = [phone.hello(**{name: odd}) for name in ("lineage", "app", "sent_at", "kinds")]
    replies += [phone.hello(report={HOME_SITE: {"n": odd}}), phone.hello(storage={"usage": odd})]
    replies += [phone.hello(report={HOME_SITE: {"pending": {"task.complete": odd}}})]
    replies += [phone.push(ops=[], lineage=odd), phone.pull(cursor=odd), phone.pull(limit=odd)]
    message = {"code": enrolment_code(), "label": "x", "lineage": "y"}
    replies += [phone.post("/sync/enrol", {**message, name: odd}) for name in message]
    assert [reply.body for reply in replies if reply.status >= 500] == []


@pytest.mark.parametrize("path", ["hello", f"{HOME_SITE}/push", f"{HOME_SITE}/pull"])
def test_json_of_great_depth_is_refused(phone, path):
    for deep in (b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000):
        assert phone.post(f"/sync/{path}", deep).status in (400, 413, 422)


def test_more_than_200_ops_get_413_with_the_limits(phone):
    ops = [phone.add_op("task.complete", TASK, by=ANA) for _ in range(201)]
    reply = phone.push(*ops)
    assert is_problem(reply, 413)
    assert reply.json["limits"]["ops"] == 200
    assert phone.push(*ops[:200]).status == 200


def test_more_than_a_megabyte_gets_413_plain_or_zipped(phone):
    big = json.dumps({"lineage": "x" * 1_500_000}).encode()
    assert is_problem(phone.post(f"/sync/{HOME_SITE}/push", big), 413)
    assert is_problem(phone.post(f"/sync/{HOME_SITE}/push", big, gzipped=True), 413)


def test_a_bomb_is_not_inflated(phone):
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
    heads = {"Content-Encoding": "gzip"}
    started = time.monotonic()
    assert is_problem(phone.post(f"/sync/{HOME_SITE}/push", bomb, headers=heads), 413)
    assert time.monotonic() - started < 1


def test_bodies_may_come_gzipped(phone):
    op = phone.add_op("task.complete", TASK, by=ANA)
    told = phone.push(op, gzipped=True)
    assert told.json["verdicts"][0]["status"] == "applied"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_an_encoding_that_cannot_be_read_is_4xx(phone, encoding):
    reply = phone.post("/sync/hello", b"neither", headers={"Content-Encoding": encoding})
    assert reply.status in (400, 415)
    assert is_problem(reply, reply.status)


@pytest.mark.parametrize("path", ["enrol", "hello", f"{HOME_SITE}/push", f"{HOME_SITE}/pull"])
def test_only_post_is_spoken(phone, path):
    reply = phone.transport.request("GET", f"/sync/{path}", b"", phone.auth_headers())
    assert is_problem(reply, 405)


def test_the_wire_is_described(client):
    told = client.get("/sync/openapi.json").json
    assert told["openapi"].startswith("3.")
    spoken = "".join(told["paths"])
    assert all(word in spoken for word in ("enrol", "hello", "push", "pull", "photos"))


def test_health_is_told_to_anybody(client):
    assert client.get("/healthz").status_code == 200
