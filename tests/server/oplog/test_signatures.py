"""Who did it: signatures, what needs them, and forgeries in somebody else's name."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import select

from server.auth.devices import revoke_device
from server.auth.phone_credentials import register_credential, revoke_credentials
from server.db.engine import db, write_transaction
from server.models.credentials import Credential
from server.models.oplog import LoggedOp
from server.oplog.held_proofs import judge_proven_ops
from server.oplog.replay import find_faults
from sync.accountability.categories import category_id
from sync.accountability.categories_content import CATEGORIES
from tests.phone_client import KeyPair, base64url, with_hash
from tests.seed_data import ANA, BEN, DAO, EVE, HOME_SITE, OTHER_SITE, STAIRS, TASK, TASKS

CANCEL = {"reason": "rain"}
ASSIGNED = {
    "label": "Wipe the door",
    "area_id": STAIRS,
    "responsible_id": ANA,
    "window_end": (datetime.now(UTC) + timedelta(hours=2)).isoformat(),
    "reason": "A spill",
}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.fixture
def register(app):
    """Register a key of a person on a phone, as a right PIN does."""

    def put(phone, person, key, *, usable=True, since=None):
        with app.app_context(), write_transaction():
            owner = phone.site, phone.device, person, key.public_key
            return register_credential(*owner, since or datetime.now(UTC), usable=usable).id

    return put


@pytest.fixture
def stored(app):
    """How an op was logged: status, code, proof."""

    def look(op):
        with app.app_context():
            row = db.session.scalar(select(LoggedOp).filter_by(site_id=HOME_SITE, id=op["id"]))
            return (row.status, row.code, row.proof)

    return look


def unsigned_phone(new_phone):
    return new_phone(unlocks_for=None)


def answer(phone, op):
    (verdict,) = phone.push(op).expect_ok()["verdicts"]
    return verdict["status"], verdict.get("code")


@pytest.mark.rule("L2", "L3")
def test_a_signed_decision_is_proven_and_an_unsigned_one_held(app, phone, new_phone, stored):
    proven = phone.add_op("task.cancel", TASKS[0], CANCEL, by=BEN)
    assert answer(phone, proven) == ("applied", None)
    assert stored(proven) == ("applied", None, "person")
    other = unsigned_phone(new_phone)
    claimed = other.add_op("task.cancel", TASKS[1], CANCEL, by=BEN)
    assert answer(other, claimed) == ("held", "unproven")
    assert stored(claimed) == ("held", "unproven", "claimed")
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("L3")
def test_a_fact_of_ordinary_work_stands_as_claimed(new_phone, stored):
    phone = unsigned_phone(new_phone)
    op = phone.add_op("task.complete", TASK, by=ANA)
    assert answer(phone, op) == ("applied", None)
    assert stored(op) == ("applied", None, "claimed")


def test_the_desk_and_the_server_prove_by_themselves(app, desk_op):
    assert desk_op("task.cancel", TASKS[2], CANCEL)["status"] == "applied"
    with app.app_context():
        rows = db.session.scalars(select(LoggedOp).filter_by(site_id=HOME_SITE)).all()
        assert {row.proof for row in rows if row.kind == "task.cancel"} == {"desk"}
        assert {row.proof for row in rows if row.kind == "task.plan"} == {"server"}


def forge_with_an_unknown_key(phone, op, _):
    return {**op, "sig": KeyPair().sign_op(HOME_SITE, op)}


def forge_for_another_site(phone, op, _):
    return {**op, "sig": phone.keys[BEN].sign_op(OTHER_SITE, op)}


def forge_in_another_name(phone, op, _):
    return with_hash({**op, "by": EVE})


def forge_content(phone, op, _):
    return with_hash({**op, "subject": TASKS[5]})


def forge_time(phone, op, _):
    return with_hash({**op, "at": "2026-01-01T00:00:00+08:00"})


def forge_with_the_signature_of_another_op(phone, op, other):
    return {**op, "sig": other["sig"]}


def forge_as_somebody_who_signs_themselves(phone, op, _):
    return {**op, "sig": phone.keys[ANA].sign_op(HOME_SITE, op)}


def forge_with_zeros(phone, op, _):
    return {**op, "sig": base64url(bytes(64))}


def forge_with_rubbish(phone, op, _):
    return {**op, "sig": "not a signature"}


def forge_with_a_padded_signature(phone, op, _):
    return {**op, "sig": op["sig"] + "=="}


def forge_by_dropping_what_is_signed(phone, op, _):
    """Signed as task.cancel of nothing: `base` and `after` are part of what is signed."""
    return with_hash({**op, "base": 7})


def forge_with_the_same_signature_in_capitals(phone, op, _):
    return {**op, "sig": op["sig"].swapcase()}


def forge_with_the_author_in_capitals(phone, op, _):
    return with_hash({**op, "by": op["by"].upper()})


def forge_with_a_der_signature(phone, op, _):
    raw = phone.keys[BEN].private.sign(b"lodge-op-1", ec.ECDSA(SHA256()))
    return {**op, "sig": base64url(raw)}


def forge_with_the_signature_of_an_unlock(phone, op, _):
    return {**op, "sig": phone.keys[BEN].sign(f"lodge-op-1\n{HOME_SITE}\n{op['hash']}")}


def forge_with_zero_and_infinity(phone, op, _):
    return {**op, "sig": base64url(bytes(32) + b"\xff" * 32)}


FORGERIES = [value for name, value in list(globals().items()) if name.startswith("forge_")]


@pytest.mark.rule("L4")
@pytest.mark.parametrize("forge", FORGERIES)
@pytest.mark.asvs("9.1.1")
@pytest.mark.asvs("16.3.3")
def test_a_forged_signature_proves_nothing(phone, register, stored, forge):
    for person in (ANA, BEN, EVE):
        phone.keys[person] = KeyPair()
        register(phone, person, phone.keys[person])
    other = phone.add_op("task.cancel", TASKS[3], CANCEL, by=BEN)
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN)
    phone.push(other)
    forged = forge(phone, op, other)
    assert answer(phone, forged) == ("quarantined", "bad-signature")
    assert stored(forged) == ("quarantined", "bad-signature", "claimed")
    assert phone.get_record("task", TASKS[4])["cancelled_at"] is None


@pytest.mark.asvs("9.2.3", "9.2.4")
def test_a_signature_counts_on_its_own_phone_only(new_phone, phone, stored):
    """A signed op that another phone sends as its own, with the same key or none, is not proven."""
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN)
    thief = unsigned_phone(new_phone)
    copied = with_hash({**op, "n": 1, "prev": None})
    assert answer(thief, copied) == ("held", "unproven")
    assert stored(op) == ("held", "unproven", "claimed")
    assert answer(phone, op) == ("applied", None)
    assert stored(op) == ("applied", None, "person")


def test_a_replayed_signature_does_nothing_twice(phone):
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN)
    assert answer(phone, op) == answer(phone, op) == ("applied", None)
    again = with_hash({**op, "id": "0199d1c4-8a00-7000-8000-00000000000d", "n": 2})
    assert answer(phone, again) == ("fork", "forked")


def test_a_new_lineage_keeps_the_signature(phone, stored):
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN)
    phone.lineage, signature = "minted-anew", op["sig"]
    again = with_hash({**op, "n": 1, "prev": None})
    assert again["sig"] == signature
    assert answer(phone, again) == ("applied", None)
    assert stored(op)[2] == "person"


@pytest.mark.rule("L6")
@pytest.mark.parametrize("how", ["phone", "person", "credential"])
def test_a_revoked_key_proves_nothing_that_arrives_later(app, phone, desk_op, stored, how):
    before = phone.add_op("task.cancel", TASKS[0], CANCEL, by=EVE)
    assert answer(phone, before) == ("applied", None)
    late = phone.add_op("task.cancel", TASKS[4], CANCEL, by=EVE)
    fact = phone.add_op("task.complete", TASKS[5], by=EVE)
    if how == "person":
        assert desk_op("person.leave", EVE, {}, by=EVE)["status"] == "applied"
    with app.app_context():
        if how == "phone":
            revoke_device(HOME_SITE, phone.device, lost=False)
        if how == "credential":
            with write_transaction():
                assert revoke_credentials(datetime.now(UTC), Credential.person_id == EVE) == 1
    code = "revoked" if how == "phone" else "revoked-credential"
    assert answer(phone, late) == ("held", code)
    assert answer(phone, fact) == ("held", code)
    assert stored(late)[2] == "claimed"
    assert stored(before)[2] == "person"


@pytest.mark.rule("L4")
def test_a_key_that_arrives_later_proves_what_was_held(app, new_phone, register, stored):
    """A restored server lacks the key; once it is registered again, nothing is lost."""
    phone = unsigned_phone(new_phone)
    phone.keys[BEN] = KeyPair()
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN, at="2026-11-20T08:00:00+08:00")
    assert answer(phone, op) == ("held", "unproven")
    register(phone, BEN, phone.keys[BEN])
    with app.app_context():
        at = db.session.scalar(select(LoggedOp.occurred_at).filter_by(id=op["id"]))
        judge_proven_ops(HOME_SITE, phone.device, BEN, datetime.now(UTC))
    assert stored(op) == ("applied", None, "person")
    assert answer(phone, op) == ("applied", None)
    with app.app_context():
        assert db.session.scalar(select(LoggedOp.occurred_at).filter_by(id=op["id"])) == at
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("L4", "L6")
@pytest.mark.parametrize("before", ["no key", "wrong key", "blocked key"])
def test_an_op_that_its_author_signs_anew_is_proven_once(app, new_phone, register, stored, before):
    phone = unsigned_phone(new_phone)
    old, new = KeyPair(), KeyPair()
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN)
    if before == "blocked key":
        register(phone, BEN, old)
        with app.app_context(), write_transaction():
            revoke_credentials(datetime.now(UTC), Credential.person_id == BEN)
    if before == "no key":
        first = op
    else:
        register(phone, BEN, KeyPair() if before == "wrong key" else new)
        first = {**op, "sig": old.sign_op(HOME_SITE, op)}
    assert answer(phone, first)[0] in ("held", "quarantined")
    assert answer(phone, first)[0] in ("held", "quarantined"), "the same signature says nothing new"
    if before != "blocked key":
        register(phone, BEN, new)
    assert answer(phone, {**op, "sig": new.sign_op(HOME_SITE, op)}) == ("applied", None)
    assert stored(op) == ("applied", None, "person")
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.fixture
def published(desk_op):
    """The id of a category that was published two hours ago."""
    category, at = category_id(HOME_SITE, "AC-1"), datetime.now(UTC) - timedelta(hours=2)
    desk_op("category.add", category, CATEGORIES[0], by=EVE, at=at)
    desk_op("category.publish", category, {}, by=EVE, at=at)
    return category


@pytest.mark.rule("L10")
def test_a_key_proves_nothing_of_the_time_before_it(app, new_phone, register, published):
    """Whoever has the PIN today cannot say that something was read an hour ago."""
    phone, key, before = unsigned_phone(new_phone), KeyPair(), datetime.now(UTC)
    phone.keys[BEN] = key
    register(phone, BEN, key)
    early = before - timedelta(hours=1)
    for kind, subject, payload, counts_from, proof in (
        ("category.acknowledge", published, {}, before, "person"),
        ("task.cancel", TASKS[0], CANCEL, early, "person"),
        ("task.complete", TASKS[1], {}, early, "claimed"),
    ):
        at = early.isoformat()
        op = phone.add_op(kind, subject, payload, by=BEN, at=at, mono=0, boot=None)
        assert answer(phone, op) == ("applied", None)
        with app.app_context():
            row = db.session.scalar(select(LoggedOp).filter_by(id=op["id"]))
            assert (row.proof, row.flags) == (proof, ["signed-late"]), kind
            assert abs(row.occurred_at - counts_from) < timedelta(minutes=5), kind
    assert phone.get_record("category", published)["acknowledged"][BEN] > before.isoformat()
    with app.app_context():
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("L10")
def test_what_is_confirmed_later_counts_from_then(app, new_phone, register, published):
    phone, key, now = unsigned_phone(new_phone), KeyPair(), datetime.now(UTC)
    early = (now - timedelta(hours=1)).isoformat()
    op = phone.add_op("category.acknowledge", published, {}, by=BEN, at=early, mono=0, boot=None)
    assert answer(phone, op) == ("held", "unproven")
    register(phone, BEN, key, since=now - timedelta(days=9))
    assert answer(phone, {**op, "sig": key.sign_op(HOME_SITE, op)}) == ("applied", None)
    with app.app_context():
        row = db.session.scalar(select(LoggedOp).filter_by(id=op["id"]))
        assert (row.proof, row.flags) == ("person", ["signed-late"])
        assert row.occurred_at >= now
        assert find_faults(HOME_SITE) == []


def test_a_one_time_pin_proves_nothing_before_it_was_changed(app, new_phone, register, stored):
    phone = unsigned_phone(new_phone)
    phone.keys[BEN] = KeyPair()
    register(phone, BEN, phone.keys[BEN], usable=False)
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN)
    assert answer(phone, op) == ("held", "unproven")


@pytest.mark.rule("L5")
def test_nothing_is_received_on_the_lineage_of_another_phone(app, new_phone, phone):
    phone.add_op("task.complete", TASKS[0], by=ANA)
    phone.send_outbox()
    thief = new_phone()
    thief.lineage, thief.n, thief.last_hash = phone.lineage, phone.n, phone.last_hash
    op = thief.add_op("task.complete", TASKS[1], by=ANA)
    told = thief.push(op, lost=[5]).expect_ok()
    assert (told["verdicts"][0]["status"], told["verdicts"][0]["code"]) == (
        "fork",
        "foreign-lineage",
    )
    assert told["receipt"] == {"upto": 0, "hash": None}
    assert thief.hello().expect_ok()["sites"][HOME_SITE]["upto"] == 0
    with app.app_context():
        assert db.session.scalar(select(LoggedOp.id).filter_by(id=op["id"])) is None
    assert phone.hello().expect_ok()["sites"][HOME_SITE]["upto"] == 1


@pytest.mark.rule("L7")
def test_the_desk_takes_over_in_its_own_name_what_nobody_proved(app, new_phone, ben, stored):
    phone = unsigned_phone(new_phone)
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=EVE)
    assert answer(phone, op) == ("held", "unproven")
    assert ben.post(f"/desk/aside/{op['id']}/accept").status_code == 303
    with app.app_context():
        taken = select(LoggedOp).filter_by(kind="task.cancel", subject=TASKS[4], status="applied")
        row = db.session.scalar(taken)
        assert (row.by, row.proof) == (BEN, "desk")


def test_a_person_of_another_site_proves_nothing_here(new_phone, register, phone):
    away = new_phone(OTHER_SITE)
    key = KeyPair()
    register(away, DAO, key)
    phone.keys[DAO] = key
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=DAO)
    assert answer(phone, op)[0] == "held"


FORGED_FIELDS = (
    {"proof": "person"},
    {"credential": "0199d1c4-8a00-7000-8000-00000000000c"},
    {"stands_for": {"op": TASK, "how": "accepted", "occurred_at": "2026-01-01T00:00:00Z"}},
    {"stands_for": {"op": TASK, "how": "accepted", "proof": "person", "occurred_at": "x"}},
)


@pytest.mark.rule("L3")
@pytest.mark.parametrize("field", FORGED_FIELDS)
def test_no_field_of_an_op_says_that_it_is_proven(new_phone, stored, field):
    phone = unsigned_phone(new_phone)
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN, **field)
    assert answer(phone, op)[0] in ("held", "quarantined")
    assert stored(op)[2] == "claimed"
    assert phone.get_record("task", TASKS[4])["cancelled_at"] is None


@pytest.mark.rule("L4")
def test_a_malleable_signature_is_the_same_act_once(phone, stored):
    """(r, n − s) verifies as well: it proves the same op, which counts once."""
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN)
    raw = urlsafe_b64decode(op["sig"] + "==")
    other_s = P256_ORDER - int.from_bytes(raw[32:])
    twin = {**op, "sig": base64url(raw[:32] + other_s.to_bytes(32))}
    assert answer(phone, twin) == answer(phone, op) == ("applied", None)
    assert stored(op) == ("applied", None, "person")


@pytest.mark.rule("L3", "L6")
def test_what_waited_while_its_key_was_revoked_is_as_sure_as_when_it_arrived(app, phone, stored):
    """Its signature was checked on arrival; the author had the key then."""
    first = phone.add_op("task.complete", TASKS[0], by=ANA)
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=BEN, after=first["id"])
    assert answer(phone, op) == ("waiting", "waiting")
    with app.app_context(), write_transaction():
        revoke_credentials(datetime.now(UTC), Credential.person_id == BEN)
    phone.push(first)
    assert stored(op) == ("applied", None, "person")
    late = phone.add_op("task.cancel", TASKS[5], CANCEL, by=BEN)
    assert answer(phone, late) == ("held", "revoked-credential")


@pytest.mark.rule("L3")
def test_what_waited_unproven_is_not_proven_by_what_releases_it(phone, new_phone, stored):
    bare = unsigned_phone(new_phone)
    first = bare.add_op("task.complete", TASKS[0], by=ANA)
    op = bare.add_op("task.cancel", TASKS[4], CANCEL, by=BEN, after=first["id"])
    assert answer(bare, op)[0] == "held"
    bare.push(first)
    assert stored(op) == ("held", "unproven", "claimed")


@pytest.mark.rule("L2")
def test_the_roles_are_those_of_the_proven_person(phone, stored):
    """A key of one's own is no right: Ana proves that she is Ana, who cancels nothing."""
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=ANA)
    assert answer(phone, op) == ("refused", "not-allowed")
    assert stored(op)[2] == "person"


@pytest.mark.rule("L8")
@pytest.mark.parametrize("clock", [timedelta(), timedelta(days=-400), timedelta(days=400)])
def test_nothing_is_read_before_it_was_published_whatever_the_clock(
    app, new_phone, register, desk_op, clock
):
    """The phone's clock is compared; an acknowledgement from before the publication is refused."""
    phone = new_phone(clock_offset=clock, unlocks_for=None)
    phone.keys[ANA] = KeyPair()
    register(phone, ANA, phone.keys[ANA])
    category = category_id(HOME_SITE, "AC-1")
    desk_op("category.add", category, CATEGORIES[0], by=EVE)
    early = (datetime.now(UTC) + clock - timedelta(hours=1)).isoformat()
    desk_op("category.publish", category, {}, by=EVE)
    op = phone.add_op("category.acknowledge", category, {}, by=ANA, at=early, mono=0, boot=None)
    assert answer(phone, op) == ("refused", "before-it-existed")
    assert phone.get_record("category", category)["acknowledged"] == {}


@pytest.mark.rule("L7")
def test_no_decision_of_the_desk_makes_a_forgery_proven(app, phone, register, ben, stored):
    """Accepting what somebody forged makes it the decision of whoever accepts it."""
    for person in (BEN, EVE):
        phone.keys[person] = KeyPair()
        register(phone, person, phone.keys[person])
    op = phone.add_op("task.cancel", TASKS[4], CANCEL, by=EVE)
    forged = {**op, "sig": phone.keys[BEN].sign_op(HOME_SITE, op)}
    assert answer(phone, forged) == ("quarantined", "bad-signature")
    ben.post(f"/desk/aside/{op['id']}/accept")
    with app.app_context():
        rows = db.session.scalars(select(LoggedOp).filter_by(kind="task.cancel")).all()
        assert {(row.by, row.proof) for row in rows} == {(EVE, "claimed"), (BEN, "desk")}
        assert find_faults(HOME_SITE) == []
    assert answer(phone, op)[0] != "applied", "the desk has decided"


@pytest.mark.rule("L3", "H5")
def test_work_on_what_nobody_proved_waits_with_it_for_the_desk(new_phone, ben, stored):
    """A task that a supervisor without a key gave, and that somebody has done already."""
    phone = unsigned_phone(new_phone)
    given = phone.add_op("task.assign", payload=ASSIGNED, by=EVE)
    done = phone.add_op("task.complete", given["subject"], by=ANA)
    assert answer(phone, given) == ("held", "unproven")
    assert answer(phone, done) == ("held", "no-such-record")
    assert ben.post(f"/desk/aside/{given['id']}/accept").status_code == 303
    assert stored(done)[:2] == ("applied", None)
