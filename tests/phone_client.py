"""A phone in pure Python: it speaks the wire and shares no code with the server.

It works on Flask's test client and on a real server alike, so a test says what is said, not how.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from uuid_utils.compat import uuid7

UNSET = object()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no white space, UTF-8 as it is (half characters too)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def op_hash(op: Mapping[str, Any]) -> str:
    """What the chain holds an op by."""
    content = {k: v for k, v in op.items() if k not in ("hash", "sig")}
    return hashlib.sha256(canonical(content)).hexdigest()


def with_hash(op: Mapping[str, Any]) -> dict[str, Any]:
    """An op with the hash that fits it."""
    return {**op, "hash": op_hash(op)}


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class KeyPair:
    """What a person signs with on one phone."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        spki = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        self.public_key = base64url(self.private.public_key().public_bytes(*spki))

    def sign(self, text: str) -> str:
        der = self.private.sign(text.encode(), ec.ECDSA(SHA256()))
        r, s = decode_dss_signature(der)
        return base64url(r.to_bytes(32) + s.to_bytes(32))

    def sign_op(self, site: str, op: Mapping[str, Any]) -> str:
        content = {k: v for k, v in op.items() if k not in ("n", "prev", "hash", "sig")}
        digest = hashlib.sha256(canonical(content)).hexdigest()
        return self.sign(f"lodge-op-1\n{site}\n{digest}")


class SyncError(Exception):
    """Whoever replied, it was not our server with a good answer: (status, body)."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def expect_ok(self) -> Any:
        """What our server said; anything else (a portal, a proxy, an error) answered nothing."""
        try:
            said = self.json if self.status == 200 else {}
        except ValueError:
            said = {}
        if not isinstance(said, dict) or said.get("sync") != "1":
            raise SyncError(self.status, self.body[:300])
        return said


class Transport(Protocol):
    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply: ...


class FlaskTransport:
    """Straight into the application."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        answer = self.client.open(path, method=method, data=body, headers=headers)
        reply = Reply(answer.status_code, answer.headers, answer.get_data())
        answer.close()
        return reply


class HttpTransport:
    """Over TCP, a connection for each request; raises OSError or HTTPException when it breaks."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self.address, self.timeout = urlsplit(url).netloc, timeout

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection(self.address, timeout=self.timeout)
        try:
            connection.request(method, path, body, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@dataclass
class PhoneClient:
    """One phone, at one site. `fast` is how far its clock runs ahead."""

    transport: Transport
    clock_offset: timedelta = timedelta()
    lineage: str = field(default_factory=lambda: str(uuid4()))
    boot: str = field(default_factory=lambda: token_hex(8))
    token: str = ""
    site: str = ""
    device: str = ""
    people: list[dict[str, Any]] = field(default_factory=list)
    n: int = 0
    last_hash: str | None = None
    outbox: list[dict[str, Any]] = field(default_factory=list)
    records: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    versions: dict[tuple[str, str], int] = field(default_factory=dict)
    cursor: str | None = None
    digest: str | None = None
    started_at: float = field(default_factory=time.monotonic)
    keys: dict[str, KeyPair] = field(default_factory=dict)
    """Of those who have unlocked it, by person: what they do is signed."""
    credentials: dict[str, str] = field(default_factory=dict)
    """Their ids, of those who typed their PIN."""
    unlocks_for: Callable[[PhoneClient, str, str], None] | None = None
    """Unlocks the phone for the author of an op of some kind, unless they have unlocked it."""

    # Speaking

    def now(self) -> str:
        return (datetime.now(UTC) + self.clock_offset).isoformat(timespec="milliseconds")

    def post(
        self,
        path: str,
        message: Any,
        *,
        gzipped: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """POST a message (bytes go as they are)."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        heads = {"Content-Type": "application/json", **self.auth_headers()}
        if gzipped:
            body, heads["Content-Encoding"] = gzip.compress(body), "gzip"
        return self.transport.request("POST", path, body, {**heads, **(headers or {})})

    def auth_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def enrol(self, code: str, label: str = "Test phone") -> PhoneClient:
        told = self.request_enrolment(code, label).expect_ok()
        for name in ("token", "site", "device", "people"):
            setattr(self, name, told[name])
        return self

    def request_enrolment(self, code: str, label: str = "Test phone") -> Reply:
        message = {"code": code, "label": label, "lineage": self.lineage}
        return self.post("/sync/enrol", message)

    def hello(self, **more: Any) -> Reply:
        message = {
            "lineage": self.lineage,
            "sent_at": self.now(),
            "app": "1",
            "kinds": {"task.complete": [1]},
            "report": {self.site: self.status_report()},
            "storage": {"usage": 1, "quota": 1000, "persisted": True},
        }
        return self.post("/sync/hello", {**message, **more})

    def status_report(self) -> dict[str, Any]:
        pending: dict[str, int] = {}
        for op in self.outbox:
            pending[op["kind"]] = pending.get(op["kind"], 0) + 1
        oldest = self.outbox[0]["at"] if self.outbox else None
        chain = {"n": self.n, "hash": self.last_hash}
        return {**chain, "pending": pending, "oldest": oldest, "photos": 0, "photo_bytes": 0}

    # Making ops

    def add_op(
        self,
        kind: str,
        subject: str | None = None,
        payload: Mapping[str, Any] | None = None,
        *,
        by: str,
        base: int | None = None,
        after: str | None = None,
        at: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Something that a person does: takes its place in the chain and in the outbox."""
        if self.unlocks_for and by not in self.keys:
            self.unlocks_for(self, kind, by)
        self.n += 1
        op = with_hash(
            {
                "id": str(uuid7()),
                "n": self.n,
                "prev": self.last_hash,
                "kind": kind,
                "v": 1,
                "subject": subject or str(uuid7()),
                "base": base,
                "after": after,
                "by": by,
                "at": at or self.now(),
                "mono": int((time.monotonic() - self.started_at) * 1000),
                "boot": self.boot,
                "payload": dict(payload or {}),
                **more,
            }
        )
        if by in self.keys:
            op["sig"] = self.keys[by].sign_op(self.site, op)
        self.last_hash = op["hash"]
        self.outbox.append(op)
        return op

    # Unlocking

    def request_unlock(self, pin: str, key: KeyPair, **more: Any) -> Reply:
        """`more` names the person, by id or staff number."""
        message = {"pin": pin, "public_key": key.public_key, "sent_at": self.now(), **more}
        return self.post("/sync/unlock", message)

    def unlock(self, person: str, pin: str) -> dict[str, Any]:
        """Somebody types their PIN: from now on they sign."""
        key = KeyPair()
        told = dict(self.request_unlock(pin, key, person=person).expect_ok())
        self.keys[person], self.credentials[person] = key, told["credential"]
        return told

    def request_new_pin(self, person: str, pin: str, new_pin: str) -> Reply:
        """The key with which the person signs here stays, if the server has told its id."""
        message = {"person": person, "pin": pin, "new_pin": new_pin, "sent_at": self.now()}
        if credential := self.credentials.get(person):
            text = f"lodge-pin-1\n{self.site}\n{self.device}\n{credential}"
            message["key"] = {"credential": credential, "sig": self.keys[person].sign(text)}
        return self.post("/sync/pin", message)

    # Push

    def push(self, *ops: Any, gzipped: bool = False, **more: Any) -> Reply:
        """These ops, or the whole outbox when none are named."""
        batch = list(ops) if ops or "ops" in more else self.outbox
        message = {"lineage": self.lineage, "sent_at": self.now(), "lost": [], "ops": batch}
        return self.post(f"/sync/{self.site}/push", {**message, **more}, gzipped=gzipped)

    def send_outbox(self) -> dict[str, dict[str, Any]]:
        """Empty the outbox as far as the server answers it; verdicts by op."""
        told = self.push().expect_ok()
        verdicts = {verdict["id"]: verdict for verdict in told["verdicts"]}
        self.outbox = [op for op in self.outbox if op["id"] not in verdicts]
        return verdicts

    def send_op(self, *args: Any, **more: Any) -> dict[str, Any]:
        """Do one thing, send it, hear what became of it."""
        op = self.add_op(*args, **more)
        return self.send_outbox()[op["id"]]

    # Pull

    def pull(self, cursor: Any = UNSET, limit: int = 500) -> Reply:
        """One page; by default on from where this phone stands."""
        since = self.cursor if cursor is UNSET else cursor
        return self.post(f"/sync/{self.site}/pull", {"cursor": since, "limit": limit})

    def pull_all(self, limit: int = 500) -> dict[tuple[str, str], dict[str, Any]]:
        """Page by page until there is no more; the records as this phone then knows them."""
        while True:
            page = self.pull(limit=limit).expect_ok()
            if page.get("reset"):
                self.records.clear()
                self.versions.clear()
            for change in page["changes"]:
                self._apply_change(change)
            self.cursor = page["cursor"]
            if not page["more"]:
                self.digest = page.get("digest")
                return self.records

    def _apply_change(self, change: Mapping[str, Any]) -> None:
        key = (change["type"], change["id"])
        if change.get("drop") or change["deleted"]:
            self.records.pop(key, None)
            self.versions.pop(key, None)
        else:
            self.records[key] = change["record"]
            self.versions[key] = change["version"]

    def own_digest(self) -> str:
        """The digest of the records that this phone has."""
        total = sum(
            int.from_bytes(hashlib.sha256(f"{type_}\n{id_}\n{version}".encode()).digest()[:8])
            for (type_, id_), version in self.versions.items()
        )
        return f"{total % 2**64:016x}"

    def get_record(self, type_: str, id_: str) -> dict[str, Any]:
        return self.pull_all()[type_, id_]

    def records_of(self, type_: str) -> list[dict[str, Any]]:
        return [body for (kind, _), body in self.pull_all().items() if kind == type_]

    # Photos

    def request_photo(
        self, method: str, sha256: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        path = f"/sync/{self.site}/photos/{sha256}"
        return self.transport.request(
            method, path, body, {**self.auth_headers(), **(headers or {})}
        )
