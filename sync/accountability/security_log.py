"""The security log: who signed in, changed an account, looked personal data up, from where.

Entries are ops like all others, so they are in the site's hash chain; only the desk sees them.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from sync.protocol.clock import FOREVER
from sync.protocol.feature import Feature, RecordType
from sync.protocol.message_fields import MAX_SAFE_INTEGER
from sync.protocol.op import SERVER_AUTHOR_ID, Accepted, Id, Kind, Op, Payload
from sync.protocol.roles import DESK_ONLY_AUDIENCE
from sync.protocol.text import Texts, _l, _lp

EVENTS: Texts = {
    "sign_in": _l("Signed in"),
    "sign_in_failed": _l("Sign-in failed"),
    "sign_out": _l("Signed out"),
    "password": _l("Password changed"),
    "pin": _l("PIN changed"),
    "role": _l("Roles changed"),
    "second_factor": _l("Second factor changed"),
    "session_ended": _l("Sessions ended"),
    "credential": _l("Proof of a person on a phone changed"),
    "device": _l("Phone set up, changed or blocked"),
    "code": _l("Setup code issued"),
    "export": _l("Data exported"),
    "lookup": _l("Personal data looked up"),
    "number": _l("Phone number shown"),
    "erasure": _l("Personal data erased on request"),
    "backup": _l("Backup made"),
    "restore": _l("Backup restored"),
    "key_rotated": _l("Server key changed"),
    "foreign_lineage": _l("Records sent as another phone"),
    "denied": _l("Access denied"),
    "baseline": _l("Account or phone taken over from before"),
    "log_mismatch": _l("A phone knows another log"),
    "log_head": _l("Newest link of the log printed or sent"),
}
"""The label of each event; its kind is `access.<event>`."""

ORIGINS: Texts = {
    "desk": _l("Desk"),
    "phone": _lp("device", "Phone"),
    "command_line": _l("Command line"),
    "server": _l("Server"),
}
"""Through what something was done."""

ACTIONS: Texts = {
    "enrolled": _lp("phone", "set up"),
    "revoked": _lp("phone", "blocked"),
    "lost": _lp("phone", "reported lost"),
    "renamed": _lp("phone", "renamed"),
    "token": _lp("phone", "key renewed"),
    "registered": _lp("security log", "unlocked with the PIN"),
    "rehashed": _lp("security log", "stored more safely"),
    "ended": _lp("security log", "ended"),
    "opened": _lp("security log", "opened"),
    "searched": _lp("security log", "searched"),
    "with_password": _lp("security log", "with the password"),
    "with_code": _lp("security log", "with password and code"),
    "with_passkey": _lp("security log", "with a passkey"),
    "changed": _lp("security log", "changed by the person"),
    "first_password": _lp("security log", "new first password"),
    "one_time_pin": _lp("security log", "new one-time PIN"),
    "app_added": _lp("security log", "app added"),
    "app_removed": _lp("security log", "app removed"),
    "passkey_added": _lp("security log", "passkey added"),
    "passkey_removed": _lp("security log", "passkey removed"),
    "recovery_codes": _lp("security log", "new recovery codes"),
    "recovery_code_used": _lp("security log", "recovery code used"),
    "added": _lp("security log", "added"),
    "removed": _lp("security log", "removed"),
    "moved": _lp("security log", "moved to another database"),
    "unknown_epoch": _lp("security log", "of a database that this server never had"),
}
"""What was done, more exactly than the event says."""

PHONE_EVENT = "number"
"""What phones write themselves, also without a connection."""

COUNTED_EVENTS = frozenset(
    {"sign_in_failed", "lookup", "foreign_lineage", "denied", "log_mismatch"}
)
"""Events that may come in any number: the same within ten minutes is one entry with a count."""

MAX_DETAILS, MAX_DETAIL_LENGTH = 20, 200
MAX_DETAIL_ITEMS = 20
MAX_SEALS = 20


class Detail(fields.Raw):
    """A field for a number, yes or no, nothing, a short text, or a short list of these."""

    def __init__(self, **more: Any) -> None:
        super().__init__(allow_none=True, **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_DETAIL_ITEMS or not all(map(_is_short, items)):
            raise ValidationError("A detail is a number, a short text, or a list of these.")
        return value


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_DETAIL_LENGTH
    is_number = isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER
    return value is None or is_number


class SealPayload(Payload):
    """The digest of a row that is not made of ops. `row` is its table and key, `columns` those that
    the digest covers."""

    row = fields.String(required=True, validate=Regexp(r"^[a-z_]{1,30}/[!-~]{1,200}\Z"))
    columns = fields.List(fields.String(validate=Length(max=40)), validate=Length(max=40))
    digest = fields.String(required=True, validate=Regexp(r"^[0-9a-f]{64}\Z"))


class AccessPayload(Payload):
    """`address` is the network address, `details` what was done, in short texts and numbers."""

    about_id = Id(allow_none=True, load_default=None)
    device_id = Id(allow_none=True, load_default=None)
    origin = fields.String(required=True, validate=OneOf(tuple(ORIGINS)))
    address = fields.String(allow_none=True, load_default=None, validate=Length(max=64))
    details = fields.Dict(
        keys=fields.String(validate=Regexp(r"^[a-z_]{1,30}\Z")),
        values=Detail(),
        load_default=dict,
        validate=Length(max=MAX_DETAILS),
    )
    seals = fields.List(
        fields.Nested(SealPayload), load_default=list, validate=Length(max=MAX_SEALS)
    )


class NumberShownPayload(Payload):
    """The record with the number, and its type. The number is not repeated."""

    about_type = fields.String(required=True, validate=Regexp(r"^[a-z_]{1,30}\Z"))
    record = Id(required=True)


class AccessCountPayload(Payload):
    count = fields.Integer(required=True, strict=True, validate=Range(min=2, max=MAX_SAFE_INTEGER))


def record(_: None, op: Op) -> Accepted:
    """A20: an entry says what happened, when, who did it, and from where. Only the server writes
    entries."""
    by = None if op.by == SERVER_AUTHOR_ID else op.by
    event = op.kind.removeprefix("access.")
    return Accepted({**op.payload, "event": event, "at": op.received_at, "by_id": by, "count": 1})


def show_number(_: None, op: Op) -> Accepted:
    """A28: phones show the numbers of people masked. Whoever taps one is in the log, with the
    record and the phone; the same person at the same record within ten minutes is one entry."""
    return Accepted(
        {
            "event": PHONE_EVENT,
            "at": op.occurred_at,
            "by_id": op.by,
            "about_id": None,
            "device_id": op.given.get("device_id"),
            "origin": "phone",
            "address": None,
            "details": dict(op.payload),
            "seals": [],
            "count": 1,
        }
    )


def count(_: Any, op: Op) -> Accepted:
    """A21: the same event again within ten minutes is counted in one entry, so that a guesser
    cannot fill the log."""
    return Accepted({"count": op.payload["count"]})


def state(_: Any) -> str:
    return "recorded"


def visible_until(_: Any) -> str:
    """Entries stay in the feed; only the desk sees them."""
    return FOREVER


KINDS = {
    f"access.{event}": Kind(
        payload=AccessPayload,
        rule=record,
        type="access",
        fact=False,
        creates=True,
        from_server_only=True,
        ignore_base=True,
        label=label,
    )
    for event, label in EVENTS.items()
    if event != PHONE_EVENT
} | {
    f"access.{PHONE_EVENT}": Kind(
        payload=NumberShownPayload,
        rule=show_number,
        type="access",
        fact=True,
        creates=True,
        overlay_payload=False,
        given_fields=("device_id",),
        label=EVENTS[PHONE_EVENT],
    ),
    "access.count": Kind(
        payload=AccessCountPayload,
        rule=count,
        type="access",
        fact=False,
        from_server_only=True,
        ignore_base=True,
        label=_l("Repetitions counted"),
    ),
}

FEATURE = Feature(
    types={
        "access": RecordType(
            label=_l("Entry of the security log"),
            state=state,
            visible_until=visible_until,
            audience=lambda _, __: DESK_ONLY_AUDIENCE,
            states={"recorded": _l("recorded")},
            allows_photos=False,
        ),
    },
    kinds=KINDS,
    fields={
        "event": _l("Event"),
        "by_id": _l("Who"),
        "about_id": _l("About"),
        "about_type": _l("Related record type"),
        "device_id": _lp("device", "Phone"),
        "origin": _l("From"),
        "address": _l("Network address"),
        "details": _l("Details"),
        "seals": _l("Digests"),
        "count": _l("How often"),
        "action": _l("What was done"),
        "former": _l("Earlier name"),
        "many": _l("Many accounts or addresses"),
        "page": _l("Page"),
        "file": _l("File"),
        "taken_at": _l("Taken at"),
        "epoch": _l("Epoch that ended"),
        "log_place": _l("Entry of the log"),
        "record": _l("Record"),
        "records": _l("Records"),
        "unverified": _l("Seal not checked"),
    },
    values={"event": EVENTS, "origin": ORIGINS, "action": ACTIONS},
    sentences={
        "access.sign_in": (_l("%(who)s signed in"),),
        "access.sign_in_failed": (_l("Signing in as %(who)s failed"),),
        "access.sign_out": (_l("%(who)s signed out"),),
        "access.password": (_l("%(who)s changed a password"),),
        "access.pin": (_l("%(who)s changed a PIN"),),
        "access.role": (_l("%(who)s changed roles"),),
        "access.second_factor": (_l("%(who)s changed a second step of sign-in"),),
        "access.session_ended": (_l("%(who)s ended a session"),),
        "access.credential": (_l("%(who)s changed who confirms by PIN on a phone"),),
        "access.device": (_l("%(who)s changed a phone"),),
        "access.code": (_l("%(who)s made a code for a phone"),),
        "access.export": (_l("%(who)s exported data"),),
        "access.lookup": (_l("%(who)s looked up personal data"),),
        "access.erasure": (_l("%(who)s erased personal data"),),
        "access.backup": (_l("A backup was made"),),
        "access.restore": (_l("A backup was restored"),),
        "access.key_rotated": (_l("A key of the server was replaced"),),
        "access.foreign_lineage": (_l("Records of another phone arrived"),),
        "access.denied": (_l("%(who)s was not allowed to open something"),),
        "access.baseline": (_l("The security log began"),),
        "access.log_mismatch": (_l("The log did not match its checksum"),),
        "access.log_head": (_l("The newest link of the log was noted"),),
        "access.number": (_l("A number was looked up"),),
        "access.count": (_l("Attempts were counted: %(count)s"),),
    },
)
