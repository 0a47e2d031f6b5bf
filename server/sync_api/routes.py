"""What phones say and are told: enrol, hello, push, pull, photos."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import structlog
from flask import Blueprint, Response, abort, g, jsonify, request, send_file
from sqlalchemy import select, update

from server.auth.access import device, public, redeem
from server.auth.devices import told_to_clear
from server.db.engine import db, writing
from server.errors import problem
from server.maintenance import backup
from server.models import Device, Lineage, Names, SiteFeed
from server.oplog import hash_chain
from server.oplog.directory import names_of
from server.oplog.receive import receive
from server.oplog.triage import Sender
from server.photos import uploads
from server.sync_api import pull_cache, request_body
from server.sync_api.openapi import document
from server.sync_api.pull import audience_of, feed_page, scope
from sync import KINDS
from sync.protocol.clock import iso, parse
from sync.protocol.hash_chain import without
from sync.protocol.messages import LIMITS, MIN_APP, OPS, Enrol, Hello, Pull, Push
from sync.protocol.photos import NAMED

log = structlog.get_logger("lodge.exchange")

bp = Blueprint("exchange", __name__, url_prefix="/sync")

ENROL, HELLO, PUSH, PULL = Enrol(), Hello(), Push(), Pull()
ACCEPTS = {name: kind.versions for name, kind in KINDS.items() if kind.from_phones}


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
    asked = request_body.read(request, ENROL)
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
    said, received_at = request_body.read(request, HELLO), datetime.now(UTC)
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
    epoch = g.device.epoch
    told = said["log"]
    if told and told["epoch"] == epoch and not hash_chain.holds(site, told["place"], told["link"]):
        heard["misfit"] = told
    seen = scope(audience_of(g.device))
    upto, hash_, gaps = (chain.upto, chain.hash, chain.gaps) if chain else (0, None, [])
    _note(g.device.id, site, heard)
    return answer(
        epoch=epoch,
        received_at=iso(received_at),
        sent_at=iso(datetime.now(UTC)),
        min_app=MIN_APP,
        accepts=ACCEPTS,
        limits=LIMITS,
        backup_watermark=backup.watermark(),
        sites={site: {"scope": seen, "upto": upto, "hash": hash_, "gaps": gaps}},
        log=end(site),
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
    sent, received_at = request_body.read(request, PUSH), datetime.now(UTC)
    if len(sent["ops"]) > OPS:
        return request_body.too_large()
    sender = Sender(
        received_at=received_at,
        sent_at=parse(sent["sent_at"]),
        device_id=g.device.id,
        lineage=sent["lineage"],
        lost=tuple(sent["lost"]),
        revoked=g.device.cut_off,
    )
    answers, chain, log, named_since = receive(site, sent["ops"], sender)
    uploads.tell_records(site, named_since)
    receipt = {"upto": chain.upto, "hash": chain.hash}
    said = {"verdicts": answers, "receipt": receipt, "limits": LIMITS}
    return answer(epoch=g.device.epoch, **said, log={"place": log.judged, "link": log.link})


def end(site: str) -> dict[str, Any]:
    """A15: how far the site's log has come, and its newest link: whoever is told can hold it
    against the log later."""
    mine = select(SiteFeed.judged, SiteFeed.link).where(SiteFeed.site_id == site)
    place, link = db.session.execute(mine).one()
    return {"place": place, "link": link}


@bp.post("/<site>/pull")
@device
def pull(site: str) -> Response:
    """What is new since the cursor, page by page; nothing new costs one look at the head."""
    asked = request_body.read(request, PULL)
    if asked["digest"] is not None:
        log.warning("phone differs", site=site, device=g.device.id, digest=asked["digest"])
    elif not g.device.cut_off:
        pull_cache.lasting()
    limit = min(asked["limit"], LIMITS["page"])
    page = feed_page(g.device, asked["cursor"], limit, differs=asked["digest"] is not None)
    if g.device.cut_off:
        told_to_clear(g.device.id)
    return Response(page, mimetype="application/json")


@bp.get("/<site>/photos/<sha256>")
@device
def photo(site: str, sha256: str) -> Response:
    """A photo's bytes, or (HEAD) how many are here."""
    found = uploads.here(site, named(sha256))
    if g.device.cut_off:
        abort(404)
    if found is None:
        response = Response(status=404)
        response.headers["Upload-Offset"] = str(uploads.so_far(site, sha256))
        return response
    return send_file(BytesIO(uploads.content(site, sha256)), mimetype=found.mime)


@bp.put("/<site>/photos/<sha256>")
@device
def put_photo(site: str, sha256: str) -> Response:
    """A photo, or a piece of it; sending it again is harmless."""
    if g.device.cut_off:
        abort(404)
    if uploads.here(site, named(sha256)) or uploads.let_go(site, sha256):
        return answer(complete=True)
    try:
        piece = request.get_data(cache=False)
        complete = uploads.take(site, sha256, piece, request.headers.get("Content-Range"))
    except uploads.Unusable as error:
        return problem(error.status, "This photo cannot be taken", str(error))
    return answer(complete=complete, received=uploads.so_far(site, sha256))


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
