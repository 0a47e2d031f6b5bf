"""What phones say and are told: enrol, hello, push, pull, photos."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, jsonify, request, send_file
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select, update

from server import oplog, photos, wire
from server.access import device, public, redeem
from server.db import db, writing
from server.feed import digest_for
from server.incoming import Sender
from server.names import names_of
from server.openapi import document
from server.problems import problem
from server.tables import Device, FeedRow, Lineage, Names, ServerState, SiteFeed
from sync import KINDS
from sync.chain import without
from sync.clock import iso, parse
from sync.envelope import LIMITS, MIN_APP, OPS, Enrol, Hello, Pull, Push
from sync.feed import mask
from sync.photos import NAMED

bp = Blueprint("exchange", __name__, url_prefix="/sync")

FEED_VERSION = 1
"""Raised when the shape of bodies changes, so that phones replace what they keep."""

ENROL, HELLO, PUSH, PULL = Enrol(), Hello(), Push(), Pull()
ACCEPTS = {name: list(range(1, kind.v + 1)) for name, kind in KINDS.items() if not kind.internal}


def answer(**body: Any) -> Response:
    """A reply of ours: without `sync` a phone takes it for a captive portal."""
    return jsonify(sync="1", **body)


@bp.before_request
def own_site_only() -> None:
    """Another site's address does not exist for this phone."""
    phone, site = g.get("device"), (request.view_args or {}).get("site")
    if phone and site and site != phone.site_id:
        abort(404)


@bp.after_request
def never_kept(response: Response) -> Response:
    """No cache keeps what is said here."""
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/enrol")
@public
def enrol() -> Response:
    """A one-time code becomes a phone's token."""
    asked = wire.read(request, ENROL)
    found = redeem(asked["code"], asked["label"], asked["lineage"])
    if found is None:
        return problem(403, "This code does not work", "Ask for a new code: it lasts ten minutes.")
    phone, token = found
    people = staff(names_of(phone.site_id))
    return answer(device=phone.id, token=token, site=phone.site_id, people=people)


def staff(names: Names) -> list[dict[str, Any]]:
    """Everybody who may work on a phone of the site."""
    return [
        {
            "id": id_,
            "name": name,
            "roles": sorted(names.roles_of(id_)),
            "pin_check": names.pins.get(id_),
        }
        for id_, name in sorted(names.people.items(), key=lambda pair: pair[1])
        if id_ not in names.left
    ]


@bp.post("/hello")
@device
def hello() -> Response:
    """The heartbeat: clocks are compared, and the phone says what it has not sent yet."""
    said, received_at = wire.read(request, HELLO), datetime.now(UTC)
    site = g.device.site_id
    chain = db.session.get(Lineage, (site, said["lineage"]))
    report = said["report"].get(site)
    heard = {
        "seen_at": received_at,
        "lineage": said["lineage"],
        "offset_ms": round((received_at - parse(said["sent_at"])).total_seconds() * 1000),
        "app": said["app"][:40],
        "report": report,
        "storage": said["storage"],
    }
    if report is not None and is_clear(chain, report):
        heard["clear_at"] = received_at
    epoch = _epoch()
    seen = scope()
    upto, hash_, gaps = (chain.upto, chain.hash, chain.gaps) if chain else (0, None, [])
    _note(g.device.id, site, heard)
    return answer(
        epoch=epoch,
        received_at=iso(received_at),
        sent_at=iso(datetime.now(UTC)),
        min_app=MIN_APP,
        accepts=ACCEPTS,
        limits=LIMITS,
        backup_watermark=None,
        sites={site: {"scope": seen, "upto": upto, "hash": hash_, "gaps": gaps}},
    )


def is_clear(chain: Lineage | None, report: dict[str, Any]) -> bool:
    """Whether everything that the phone has made is here, or confessed to be gone."""
    if chain is None:
        return bool(report["n"] == 0)
    gaps = chain.gaps
    for first, last in chain.lost:
        for n in range(first, last + 1):
            gaps = without(gaps, n)
    return bool(report["n"] <= chain.upto and not gaps and not any(report["pending"].values()))


def _note(device_id: str, site_id: str, heard: dict[str, Any]) -> None:
    """The board of the desk looks at `heard_at`, so that it changes when a phone has spoken."""
    with writing():
        db.session.execute(update(Device).where(Device.id == device_id).values(heard))
        site = update(SiteFeed).where(SiteFeed.site_id == site_id)
        db.session.execute(site.values(heard_at=heard["seen_at"]))


@bp.post("/<site>/push")
@device
def push(site: str) -> Response:
    """A batch of ops: judged in one transaction, answered one by one."""
    sent, received_at = wire.read(request, PUSH), datetime.now(UTC)
    if len(sent["ops"]) > OPS:
        return wire.too_large()
    for raw in sent["ops"]:
        if not oplog.is_op(raw):
            return problem(422, "An op without an id", "Give every op a UUID as its id.")
    sender = Sender(
        received_at=received_at,
        sent_at=parse(sent["sent_at"]),
        device_id=g.device.id,
        lineage=sent["lineage"],
        lost=tuple(sent["lost"]),
        revoked=is_cut_off(g.device),
    )
    device_id = g.device.id
    verdicts = oplog.receive(site, sent["ops"], sender)
    photos.tell_records(site, photos.named_in(sent["ops"]))
    with writing():
        spoke = update(Device).where(Device.id == device_id)
        db.session.execute(spoke.values(seen_at=received_at))
    chain = db.session.get(Lineage, (site, sent["lineage"]))
    receipt = {"upto": chain.upto, "hash": chain.hash} if chain else {"upto": 0, "hash": None}
    return answer(epoch=_epoch(), verdicts=verdicts, receipt=receipt, limits=LIMITS)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a phone has read, and under which circumstances."""

    epoch: str
    site: str
    scope: str
    feed: int
    seq: int

    def text(self) -> str:
        return str(_signer().dumps([self.epoch, self.site, self.scope, self.feed, self.seq]))


@bp.post("/<site>/pull")
@device
def pull(site: str) -> Response:
    """What is new since the cursor, page by page; nothing new costs one look at the head."""
    asked = wire.read(request, PULL)
    if is_cut_off(g.device):
        gone = Cursor(_epoch(), site, "0", FEED_VERSION, 0)
        return _page(gone, [], more=False, head=0, reset="scope")
    feed = db.session.get_one(SiteFeed, site)
    now = Cursor(_epoch(), site, scope(), FEED_VERSION, feed.head)
    since, reset = _since(asked["cursor"], now, feed.floor)
    if since == feed.head and reset is None:
        return _page(now, [], more=False, head=feed.head, digest=_digest(now))
    rows = _rows(site, since, feed.head, min(asked["limit"], LIMITS["page"]), reset is not None)
    more = len(rows) > min(asked["limit"], LIMITS["page"])
    rows = rows[: min(asked["limit"], LIMITS["page"])]
    upto = rows[-1].seq if more else feed.head
    cursor = Cursor(now.epoch, site, now.scope, FEED_VERSION, upto)
    digest = None if more else _digest(now)
    return _page(cursor, rows, more=more, head=feed.head, reset=reset, digest=digest)


def _since(token: str | None, now: Cursor, floor: int) -> tuple[int, str | None]:
    """Where to read on, and why the phone has to start anew, if it has to."""
    if token is None:
        return 0, "new"
    try:
        was = Cursor(*_signer().loads(token))
    except (BadSignature, TypeError, ValueError):
        return 0, "epoch"
    if was.epoch != now.epoch or was.seq > now.seq:
        return 0, "epoch"
    if was.site != now.site or was.scope != now.scope:
        return 0, "scope"
    if was.feed != now.feed:
        return 0, "schema"
    return (0, "floor") if was.seq < floor else (was.seq, None)


def _rows(site: str, since: int, head: int, limit: int, anew: bool) -> list[Any]:
    visible = FeedRow.audience if anew else FeedRow.seen_by
    rows = select(
        FeedRow.seq, FeedRow.type, FeedRow.id, FeedRow.version, FeedRow.audience, FeedRow.body
    )
    mine = rows.where(
        FeedRow.site_id == site,
        FeedRow.seq > since,
        FeedRow.seq <= head,
        visible.op("&")(reader()) != 0,
    )
    return list(db.session.execute(mine.order_by(FeedRow.seq).limit(limit + 1)).all())


def _page(
    cursor: Cursor,
    rows: list[Any],
    *,
    more: bool,
    head: int,
    reset: str | None = None,
    digest: str | None = None,
) -> Response:
    """A page of the feed: bodies are JSON already, so the answer is a join of texts."""
    seen = reader()
    changes = ",".join(_change(row, seen) for row in rows)
    rest: dict[str, Any] = {"sync": "1", "epoch": cursor.epoch, "cursor": cursor.text()}
    rest |= {"more": more, "head": head}
    rest |= {"reset": reset} if reset else {}
    rest |= {"digest": digest} if digest else {}
    text = current_app.json.dumps(rest)
    return Response(f'{text[:-1]},"changes":[{changes}]}}', mimetype="application/json")


def _change(row: Any, seen: int) -> str:
    gone = not row.audience & seen
    record = "null" if gone else row.body
    return (
        f'{{"type":"{row.type}","id":"{row.id}","version":{row.version},'
        f'"deleted":{"true" if gone else "false"},"record":{record}}}'
    )


def _digest(now: Cursor) -> str:
    """The digest at this head, computed once for all phones that may see the same."""
    kept: dict[Any, Any] = current_app.extensions.setdefault("lodge-digests", {})
    key = (now.site, now.scope)
    if kept.get(key, ("", 0, ""))[:2] != (now.epoch, now.seq):
        kept[key] = (now.epoch, now.seq, digest_for(now.site, reader()))
    return str(kept[key][2])


@bp.get("/<site>/photos/<sha256>")
@device
def photo(site: str, sha256: str) -> Response:
    """A photo's bytes, or (HEAD) how many are here."""
    found = photos.here(site, named(sha256))
    if is_cut_off(g.device):
        abort(404)
    if found is None:
        response = Response(status=404)
        response.headers["Upload-Offset"] = str(photos.so_far(site, sha256))
        return response
    return send_file(photos.path(site, sha256), mimetype=found.mime)


@bp.put("/<site>/photos/<sha256>")
@device
def put_photo(site: str, sha256: str) -> Response:
    """A photo, or a piece of it; sending it again is harmless."""
    if is_cut_off(g.device):
        abort(404)
    if photos.here(site, named(sha256)):
        return answer(complete=True)
    try:
        piece = request.get_data(cache=False)
        complete = photos.take(site, sha256, piece, request.headers.get("Content-Range"))
    except photos.Unusable as error:
        return problem(error.status, "This photo cannot be taken", str(error))
    return answer(complete=complete, received=photos.so_far(site, sha256))


def named(sha256: str) -> str:
    """A photo's name, or 404: nothing else lies there."""
    if not NAMED.match(sha256):
        abort(404)
    return sha256


@bp.get("/openapi.json")
@public
def openapi() -> Response:
    """The wire, described from the schemas that check it."""
    return jsonify(document())


def reader() -> int:
    """Whose records this phone may see: those of everybody who may work on it."""
    if "reader" not in g:
        names = names_of(g.device.site_id)
        working = (roles for id_, roles in names.roles.items() if id_ not in names.left)
        g.reader = mask(role for roles in working for role in roles)
    found: int = 0 if is_cut_off(g.device) else g.reader
    return found


def scope() -> str:
    """A word for what this phone may see; another word makes it start anew."""
    return f"{reader():x}"


def is_cut_off(phone: Device) -> bool:
    """Revoked, or declared lost."""
    return bool(phone.revoked_at or phone.lost_at)


def _epoch() -> str:
    """The life of this database; a restored backup begins a new one."""
    return db.session.get_one(ServerState, "epoch").value


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(
        current_app.config["SECRET_KEY"],
        salt="cursor",
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
