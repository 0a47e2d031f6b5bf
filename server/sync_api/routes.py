"""What phones say and are told: enrol, hello, push, pull, photos."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import structlog
from flask import Blueprint, Response, abort, g, jsonify, request, send_file
from sqlalchemy import select, update

from server.auth.access import device_only, enrol_device, public
from server.auth.devices import record_wipe_notice
from server.db.engine import db, write_transaction
from server.errors import problem_json
from server.maintenance import backup
from server.models.access import Device
from server.models.directory import Directory
from server.models.feed import SiteHead
from server.models.oplog import Lineage
from server.oplog import hash_chain
from server.oplog.directory import directory_of
from server.oplog.incoming import Source
from server.oplog.receive import receive_ops
from server.photos import uploads
from server.sync_api import pull_cache, request_body
from server.sync_api.openapi import document
from server.sync_api.pull import audience_of, feed_page, scope_token
from sync import KINDS
from sync.protocol.clock import format_time, parse_time
from sync.protocol.hash_chain import open_gaps
from sync.protocol.messages import (
    LIMITS,
    MAX_OPS,
    MIN_APP_VERSION,
    EnrolRequest,
    HelloRequest,
    PullRequest,
    PushRequest,
)
from sync.protocol.photos import SHA256_PATTERN

log = structlog.get_logger("lodge.exchange")

bp = Blueprint("exchange", __name__, url_prefix="/sync")

ENROL, HELLO, PUSH, PULL = EnrolRequest(), HelloRequest(), PushRequest(), PullRequest()
ACCEPTED_VERSIONS = {
    name: kind.accepted_versions for name, kind in KINDS.items() if kind.from_phones
}


def sync_response(**body: Any) -> Response:
    """A reply of ours: without `sync` a phone takes it for a captive portal."""
    return jsonify(sync="1", **body)


@bp.before_request
def require_own_site() -> None:
    """Another site's address does not exist for this phone."""
    phone, site = g.get("device"), (request.view_args or {}).get("site")
    if phone and site and site != phone.site_id:
        abort(404)


@bp.after_request
def disable_caching(response: Response) -> Response:
    """No cache keeps what is said here."""
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/enrol")
@public
def enrol() -> Response:
    """A one-time code becomes a phone's token."""
    asked = request_body.read_message(request, ENROL)
    found = enrol_device(asked["code"], asked["label"], asked["lineage"])
    if found is None:
        return problem_json(
            403, "This code does not work", "Ask for a new code: it lasts ten minutes."
        )
    phone, token = found
    people = active_staff(directory_of(phone.site_id))
    return sync_response(device=phone.id, token=token, site=phone.site_id, people=people)


def active_staff(names: Directory) -> list[dict[str, Any]]:
    """Everybody who may work on a phone of the site."""
    return [
        {
            "id": id_,
            "name": name,
            "roles": sorted(names.roles_of(id_)),
            "pin_check": names.pin_verifiers.get(id_),
        }
        for id_, name in sorted(names.people.items(), key=lambda pair: pair[1])
        if id_ not in names.left_at
    ]


@bp.post("/hello")
@device_only
def hello() -> Response:
    """The heartbeat: clocks are compared, and the phone says what it has not sent yet."""
    said, received_at = request_body.read_message(request, HELLO), datetime.now(UTC)
    site = g.device.site_id
    chain = db.session.get(Lineage, (site, said["lineage"]))
    report = said["report"].get(site)
    heard = {
        "seen_at": received_at,
        "lineage": said["lineage"],
        "offset_ms": round((received_at - parse_time(said["sent_at"])).total_seconds() * 1000),
        "app": said["app"][:40],
        "report": report,
        "storage": said["storage"],
    }
    if report is not None and is_fully_synced(chain, report):
        heard["clear_at"] = received_at
    epoch = g.device.epoch
    told = said["log"]
    if (
        told
        and told["epoch"] == epoch
        and not hash_chain.contains_link(site, told["place"], told["link"])
    ):
        heard["misfit"] = told
    seen = scope_token(audience_of(g.device))
    upto, hash_, gaps = (chain.upto, chain.hash, chain.gaps) if chain else (0, None, [])
    _record_heartbeat(g.device.id, site, heard)
    return sync_response(
        epoch=epoch,
        received_at=format_time(received_at),
        sent_at=format_time(datetime.now(UTC)),
        min_app=MIN_APP_VERSION,
        accepts=ACCEPTED_VERSIONS,
        limits=LIMITS,
        backup_watermark=backup.backup_watermark(),
        sites={site: {"scope": seen, "upto": upto, "hash": hash_, "gaps": gaps}},
        log=log_head(site),
    )


def is_fully_synced(chain: Lineage | None, report: dict[str, Any]) -> bool:
    """Whether everything that the phone has made is here, or confessed to be gone."""
    if chain is None:
        return bool(report["n"] == 0)
    gaps = open_gaps(chain.gaps, chain.lost)
    return bool(report["n"] <= chain.upto and not gaps and not any(report["pending"].values()))


def _record_heartbeat(device_id: str, site_id: str, heard: dict[str, Any]) -> None:
    """The board of the desk looks at `heard_at`, so that it changes when a phone has spoken."""
    with write_transaction():
        db.session.execute(update(Device).where(Device.id == device_id).values(heard))
        site = update(SiteHead).where(SiteHead.site_id == site_id)
        db.session.execute(site.values(heard_at=heard["seen_at"]))


@bp.post("/<site>/push")
@device_only
def push(site: str) -> Response:
    """A batch of ops: judged in one transaction, answered one by one."""
    sent, received_at = request_body.read_message(request, PUSH), datetime.now(UTC)
    if len(sent["ops"]) > MAX_OPS:
        return request_body.too_large_response()
    source = Source(
        received_at=received_at,
        sent_at=parse_time(sent["sent_at"]),
        device_id=g.device.id,
        lineage=sent["lineage"],
        lost=tuple(sent["lost"]),
        revoked=g.device.is_revoked,
    )
    answers, lineage, head = receive_ops(site, sent["ops"], source)
    return sync_response(
        epoch=g.device.epoch,
        verdicts=answers,
        receipt={"upto": lineage.upto, "hash": lineage.hash},
        limits=LIMITS,
        log={"place": head.judged, "link": head.link},
    )


def log_head(site: str) -> dict[str, Any]:
    """A15: how far the site's log has come, and its newest link: whoever is told can hold it
    against the log later."""
    mine = select(SiteHead.judged, SiteHead.link).where(SiteHead.site_id == site)
    place, link = db.session.execute(mine).one()
    return {"place": place, "link": link}


@bp.post("/<site>/pull")
@device_only
def pull(site: str) -> Response:
    """What is new since the cursor, page by page; nothing new costs one look at the head."""
    asked = request_body.read_message(request, PULL)
    if asked["digest"] is not None:
        log.warning("phone differs", site=site, device=g.device.id, digest=asked["digest"])
    elif not g.device.is_revoked:
        pull_cache.mark_cacheable()
    limit = min(asked["limit"], LIMITS["page"])
    page = feed_page(g.device, asked["cursor"], limit, digest_mismatch=asked["digest"] is not None)
    if g.device.is_revoked:
        record_wipe_notice(g.device.id)
    return Response(page, mimetype="application/json")


@bp.get("/<site>/photos/<sha256>")
@device_only
def photo(site: str, sha256: str) -> Response:
    """A photo's bytes, or (HEAD) how many are here."""
    found = uploads.find_photo(site, photo_name_or_404(sha256))
    if g.device.is_revoked:
        abort(404)
    if found is None:
        response = Response(status=404)
        response.headers["Upload-Offset"] = str(uploads.received_bytes(site, sha256))
        return response
    return send_file(BytesIO(uploads.read_photo(site, sha256)), mimetype=found.mime)


@bp.put("/<site>/photos/<sha256>")
@device_only
def put_photo(site: str, sha256: str) -> Response:
    """A photo, or a piece of it; sending it again is harmless."""
    if g.device.is_revoked:
        abort(404)
    if uploads.find_photo(site, photo_name_or_404(sha256)) or uploads.belongs_to_purged_only(
        site, sha256
    ):
        return sync_response(complete=True)
    try:
        piece = request.get_data(cache=False)
        complete = uploads.add_piece(site, sha256, piece, request.headers.get("Content-Range"))
    except uploads.InvalidPhoto as error:
        return problem_json(error.status, "This photo cannot be taken", str(error))
    return sync_response(complete=complete, received=uploads.received_bytes(site, sha256))


def photo_name_or_404(sha256: str) -> str:
    """A photo's name, or 404: nothing else lies there."""
    if not SHA256_PATTERN.match(sha256):
        abort(404)
    return sha256


@bp.get("/openapi.json")
@public
def openapi() -> Response:
    """The wire, described from the schemas that check it."""
    return jsonify(document())
