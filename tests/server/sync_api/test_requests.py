"""Requests of the sync API: enrolment, hello, tokens, and malformed messages."""

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
    """Whether a reply is a problem (RFC 9457) with a remedy, and reveals no internals."""
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


@pytest.mark.asvs("15.3.1")
def test_enrolment_returns_only_the_people_of_the_site(client, enrolment_code):
    reply = unenrolled_client(client).request_enrolment(enrolment_code())
    assert reply.status == 200
    assert reply.json.keys() == {"sync", "device", "token", "site", "label", "people"}
    assert (reply.json["sync"], reply.json["site"]) == ("1", HOME_SITE)
    assert {person["id"] for person in reply.json["people"]} == {ANA, BEN, CHU, EVE}
    assert all(p.keys() == {"id", "name", "roles"} for p in reply.json["people"])
    assert DAO not in reply.body.decode()


def test_a_code_enrols_one_phone_only(client, enrolment_code):
    code = enrolment_code()
    assert unenrolled_client(client).request_enrolment(code).status == 200
    assert is_problem(unenrolled_client(client).request_enrolment(code), 403)


def test_a_code_expires_after_ten_minutes(app, client, enrolment_code):
    late = enrolment_code()
    with app.app_context():
        stored = db.session.scalars(db.select(EnrolmentCode)).one()
        assert stored.expires_at - stored.issued_at == timedelta(minutes=10)
        db.session.execute(update(EnrolmentCode).values(expires_at=datetime.now(UTC)))
        db.session.commit()
    assert is_problem(unenrolled_client(client).request_enrolment(late), 403)


@pytest.mark.asvs("2.4.1", "6.6.3")
def test_guessing_codes_is_rate_limited(client):
    reply = [unenrolled_client(client).request_enrolment(f"AAAA-{n:04}").status for n in range(60)]
    assert set(reply) <= {403, 429}
    assert 429 in reply


def test_hello_returns_limits_kinds_and_receipt(phone):
    phone.add_op("task.complete", TASK, by=ANA)
    phone.send_outbox()
    reply = phone.hello()
    assert reply.status == 200
    names = {"sync", "epoch", "received_at", "sent_at", "min_app", "accepts", "limits"}
    assert reply.json.keys() >= {*names, "backup_watermark", "sites"}
    assert reply.json["limits"].keys() >= {"ops", "bytes", "page"}
    assert reply.json["limits"]["ops"] == 200
    assert reply.json["accepts"]["task.complete"] == [1]
    assert "task.plan" not in reply.json["accepts"]
    known = reply.json["sites"][HOME_SITE]
    assert (known["upto"], known["hash"], known["gaps"]) == (1, phone.last_hash, [])
    assert isinstance(known["scope"], str)
    received = datetime.fromisoformat(reply.json["received_at"])
    assert abs(datetime.now(UTC) - received) < timedelta(minutes=1)


@pytest.mark.rule("S7")
def test_hello_tells_until_when_the_other_phones_have_sent_everything(phone, new_phone):
    other = new_phone()
    told = phone.hello().json["sites"][HOME_SITE]["phones"]
    assert [each["clear_at"] for each in told] == [None]
    other.hello()
    [told] = phone.hello().json["sites"][HOME_SITE]["phones"]
    assert told.keys() == {"label", "seen_at", "clear_at"}
    assert told["clear_at"] == told["seen_at"] is not None


def test_hello_ignores_unknown_fields(phone):
    assert phone.hello(mood="fine").status == 200


@pytest.mark.parametrize("path", ["hello", f"{HOME_SITE}/push", f"{HOME_SITE}/pull"])
@pytest.mark.parametrize("token", ["", "guess", "\u00e9"])
@pytest.mark.asvs("7.2.1")
def test_requests_without_a_valid_token_are_refused(client, path, token):
    reply = PhoneClient(FlaskTransport(client), token=token.encode().decode("latin-1")).post(
        f"/sync/{path}", {}
    )
    assert is_problem(reply, 401)
    assert reply.headers["Cache-Control"] == "no-store"


def test_addresses_of_another_site_are_not_found(phone):
    phone.site = OTHER_SITE
    assert is_problem(phone.push(ops=[]), 404)
    assert is_problem(phone.pull(), 404)
    assert phone.request_photo("GET", "0" * 64).status == 404
    assert phone.request_photo("PUT", "0" * 64, b"x").status == 404


@pytest.mark.asvs("14.2.2", "14.3.2")
def test_no_reply_may_be_cached(phone):
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
def test_a_malformed_body_is_answered_with_a_problem(phone, path):
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


@pytest.mark.asvs("2.2.2", "15.3.5")
def test_an_invalid_message_is_refused_whole(phone):
    op = phone.add_op("task.complete", TASK, by=ANA)
    for wrong in INVALID_MESSAGES:
        reply = phone.push(**{"ops": [op], **wrong})
        assert 400 <= reply.status < 500, (wrong, reply.body)
        assert is_problem(reply, reply.status)
    assert phone.get_record("task", TASK)["state"] == "open"


@pytest.mark.parametrize("odd", ["x\u0000y", "\ud800", "", "x" * 10_000, 5, None, [], {}])
@pytest.mark.asvs("15.3.5")
def test_odd_values_never_cause_a_server_error(phone, enrolment_code, odd):
    replies = [phone.hello(**{name: odd}) for name in ("lineage", "app", "sent_at", "kinds")]
    replies += [phone.hello(report={HOME_SITE: {"n": odd}}), phone.hello(storage={"usage": odd})]
    replies += [phone.hello(report={HOME_SITE: {"pending": {"task.complete": odd}}})]
    replies += [phone.push(ops=[], lineage=odd), phone.pull(cursor=odd), phone.pull(limit=odd)]
    message = {"code": enrolment_code(), "label": "x", "lineage": "y"}
    replies += [phone.post("/sync/enrol", {**message, name: odd}) for name in message]
    assert [reply.body for reply in replies if reply.status >= 500] == []


@pytest.mark.parametrize("path", ["hello", f"{HOME_SITE}/push", f"{HOME_SITE}/pull"])
@pytest.mark.asvs("15.2.2")
def test_deeply_nested_json_is_refused(phone, path):
    for deep in (b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000):
        assert phone.post(f"/sync/{path}", deep).status in (400, 413, 422)


@pytest.mark.asvs("2.1.3", "2.3.2")
def test_more_than_200_ops_are_refused_with_the_limits(phone):
    ops = [phone.add_op("task.complete", TASK, by=ANA) for _ in range(201)]
    reply = phone.push(*ops)
    assert is_problem(reply, 413)
    assert reply.json["limits"]["ops"] == 200
    assert phone.push(*ops[:200]).status == 200


@pytest.mark.asvs("5.2.1", "2.3.2")
def test_more_than_a_megabyte_is_refused_plain_or_gzipped(phone):
    big = json.dumps({"lineage": "x" * 1_500_000}).encode()
    assert is_problem(phone.post(f"/sync/{HOME_SITE}/push", big), 413)
    assert is_problem(phone.post(f"/sync/{HOME_SITE}/push", big, gzipped=True), 413)


@pytest.mark.asvs("15.2.2")
def test_a_gzip_bomb_is_not_inflated(phone):
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1)
    headers = {"Content-Encoding": "gzip"}
    started = time.monotonic()
    assert is_problem(phone.post(f"/sync/{HOME_SITE}/push", bomb, headers=headers), 413)
    assert time.monotonic() - started < 1


def test_bodies_may_be_gzipped(phone):
    op = phone.add_op("task.complete", TASK, by=ANA)
    reply = phone.push(op, gzipped=True)
    assert reply.json["verdicts"][0]["status"] == "applied"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_an_unknown_or_broken_encoding_is_refused(phone, encoding):
    reply = phone.post("/sync/hello", b"neither", headers={"Content-Encoding": encoding})
    assert reply.status in (400, 415)
    assert is_problem(reply, reply.status)


@pytest.mark.parametrize("path", ["enrol", "hello", f"{HOME_SITE}/push", f"{HOME_SITE}/pull"])
def test_other_methods_than_post_are_refused(phone, path):
    reply = phone.transport.request("GET", f"/sync/{path}", b"", phone.auth_headers())
    assert is_problem(reply, 405)


def test_the_api_is_described_by_openapi(client):
    reply = client.get("/sync/openapi.json").json
    assert reply["openapi"].startswith("3.")
    paths = "".join(reply["paths"])
    assert all(word in paths for word in ("enrol", "hello", "push", "pull", "photos"))


def test_the_health_check_needs_no_sign_in(client):
    assert client.get("/healthz").status_code == 200
