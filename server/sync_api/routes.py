"""The routes that phones call: enrol, hello, push, pull, photos."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import structlog
from flask import Blueprint, Response, abort, g, jsonify, request, send_file

from server.auth.access import device_only, public
from server.auth.device_people import people_of
from server.auth.devices import bearer_token, enrol_device, record_wipe_notice
from server.auth.phone_credentials import usable_credentials
from server.db.engine import db, write_transaction
from server.errors import problem_json
from server.maintenance import backup
from server.models.oplog import Lineage
from server.oplog.directory import directory_of
from server.oplog.hash_chain import log_head
from server.oplog.incoming import Source
from server.oplog.receive import receive_ops
from server.oplog.security_log import log_access
from server.oplog.ticket_numbers import block_of
from server.photos import uploads
from server.sync_api import pull_cache, request_body
from server.sync_api.device_tokens import renew_token
from server.sync_api.heartbeat import other_phones, record_heartbeat, revocation_of
from server.sync_api.openapi import document
from server.sync_api.phone_scope import in_snapshot, phone_scope
from server.sync_api.pull import feed_page
from server.sync_api.responses import disable_caching, sync_response
from sync import KINDS
from sync.protocol.clock import format_time, parse_time
from sync.protocol.message_fields import LIMITS, LOCK_AFTER, MAX_OPS
from sync.protocol.messages import (
    MIN_APP_VERSION,
    EnrolRequest,
    HelloRequest,
    PullRequest,
    PushRequest,
)
from sync.protocol.photos import SHA256_PATTERN

log = structlog.get_logger("lodge.sync")

bp = Blueprint("sync_api", __name__, url_prefix="/sync")
bp.after_request(disable_caching)

ENROL, HELLO, PUSH, PULL = EnrolRequest(), HelloRequest(), PushRequest(), PullRequest()
ACCEPTED_VERSIONS = {
    name: kind.accepted_versions for name, kind in KINDS.items() if kind.from_phones
}
"""The payload versions of each kind that phones may send."""


@bp.before_request
def require_own_site() -> None:
    """404 for the address of another site than the phone's."""
    phone, site = g.get("device"), (request.view_args or {}).get("site")
    if phone and site and site != phone.site_id:
        abort(404)


@bp.post("/enrol")
@public
def enrol() -> Response:
    """Exchange a one-time code for a token."""
    message = request_body.read_message(request, ENROL)
    with write_transaction():
        names = message["label"], message["lineage"], message["model"]
        enrolled = enrol_device(message["code"], *names)
        if enrolled:
            phone, _token = enrolled
            details = {"action": "enrolled"}
            log_access(
                "device",
                site_id=phone.site_id,
                by=phone.enrolled_by,
                device=phone.id,
                details=details,
            )
    if enrolled is None:
        return problem_json(403, "Invalid code", "Ask for a new code; it is valid for ten minutes.")
    phone, token = enrolled
    people = people_on_phone(phone.site_id, people_of(phone.id))
    told = {"device": phone.id, "token": token, "site": phone.site_id, "label": phone.label}
    return sync_response(**told, people=people)


def people_on_phone(site_id: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """The people of a phone, as `EnrolResponse.people` and `HelloResponse.sites` have them."""
    directory = directory_of(site_id)
    people = [
        {"id": id_, "name": directory.people[id_], "roles": sorted(directory.roles_of(id_))}
        for id_ in ids
    ]
    return sorted(people, key=lambda person: (person["name"], person["id"]))


@bp.post("/hello")
@device_only
def hello() -> Response:
    """The heartbeat: clocks are compared, and the phone reports what it has not sent yet."""
    message, received_at = request_body.read_message(request, HELLO), datetime.now(UTC)
    site = g.device.site_id
    scope = phone_scope(in_snapshot(g.device))
    people = people_on_phone(site, scope.people)
    chain = db.session.get(Lineage, (site, message["lineage"]))
    if chain and chain.device_id not in (None, g.device.id):
        chain = None  # L5: that of another phone
    upto, hash_, gaps = (chain.upto, chain.hash, chain.gaps) if chain else (0, None, [])
    numbers = [] if g.device.is_revoked else block_of(site, g.device.id)
    record_heartbeat(g.device, message, chain, received_at)
    token = bearer_token(request.environ)
    renewed = None if g.device.is_revoked else renew_token(g.device.id, token, received_at)
    return sync_response(
        **({"token": renewed} if renewed else {}),
        epoch=g.device.epoch,
        received_at=format_time(received_at),
        sent_at=format_time(datetime.now(UTC)),
        min_app=MIN_APP_VERSION,
        lock=LOCK_AFTER,
        revoked=revocation_of(g.device),
        accepts=ACCEPTED_VERSIONS,
        limits=LIMITS,
        backup_watermark=backup.backup_watermark(),
        credentials=usable_credentials(site, g.device.id),
        sites={
            site: {
                "scope": scope.token,
                "upto": upto,
                "hash": hash_,
                "gaps": gaps,
                "phones": other_phones(g.device),
                "people": people,
                "numbers": numbers,
            }
        },
        log=_log_head(site),
    )


def _log_head(site: str) -> dict[str, Any]:
    """A15. The end of the site's log; phones check at their next hello that the log contains it."""
    head = log_head(site)
    return {"place": head.judged, "link": head.link}


@bp.post("/<site>/push")
@device_only
def push(site: str) -> Response:
    """Receive a batch of ops in one transaction; the response has a verdict for each."""
    message, received_at = request_body.read_message(request, PUSH), datetime.now(UTC)
    if len(message["ops"]) > MAX_OPS:
        return request_body.too_large_response()
    source = Source(
        received_at=received_at,
        sent_at=parse_time(message["sent_at"]),
        device_id=g.device.id,
        lineage=message["lineage"],
        lost=tuple(message["lost"]),
        revoked=g.device.is_revoked,
    )
    answers, lineage, head, is_foreign = receive_ops(site, message["ops"], source)
    if is_foreign:
        log.warning("push on the lineage of another phone", site=site, device=g.device.id)
        log_access("foreign_lineage", site_id=site, by=None, device=g.device.id)
    return sync_response(
        epoch=g.device.epoch,
        verdicts=answers,
        receipt={"upto": lineage.upto, "hash": lineage.hash},
        limits=LIMITS,
        log={"place": head.judged, "link": head.link},
    )


@bp.post("/<site>/pull")
@device_only
def pull(site: str) -> Response:
    """One page of the changes since the phone's cursor."""
    message = request_body.read_message(request, PULL)
    digest = message["digest"]
    if digest is not None:
        log.warning("phone differs", site=site, device=g.device.id, digest=digest)
    elif not g.device.is_revoked:
        pull_cache.mark_cacheable()
    limit = min(message["limit"], LIMITS["page"])
    page = feed_page(g.device, message["cursor"], limit, digest_mismatch=digest is not None)
    if g.device.is_revoked:
        record_wipe_notice(g.device.id)
    return Response(page, mimetype="application/json")


@bp.get("/<site>/photos/<sha256>")
@device_only
def photo(site: str, sha256: str) -> Response:
    """The bytes of a photo; 404 with `Upload-Offset`, the bytes received, if it is incomplete."""
    stored = uploads.find_photo(site, photo_name_or_404(sha256))
    if g.device.is_revoked:
        abort(404)
    if stored is None:
        response = Response(status=404)
        response.headers["Upload-Offset"] = str(uploads.received_bytes(site, sha256))
        return response
    return send_file(BytesIO(uploads.read_photo(site, sha256)), mimetype=stored.mime)


@bp.put("/<site>/photos/<sha256>")
@device_only
def put_photo(site: str, sha256: str) -> Response:
    """Receive a photo or a piece of it; sending it again is harmless. Those of a revoked phone
    belong to ops that are held."""
    if uploads.find_photo(site, photo_name_or_404(sha256)) or uploads.belongs_to_purged_only(
        site, sha256
    ):
        return sync_response(complete=True)
    try:
        piece = request.get_data(cache=False)
        range_ = request.headers.get("Content-Range")
        complete = uploads.add_piece(site, sha256, piece, range_, g.device.id)
    except uploads.InvalidPhoto as error:
        response = problem_json(error.status, "Photo not stored", str(error))
        if error.status in (429, 503):
            response.headers["Retry-After"] = "5"
        return response
    return sync_response(complete=complete, received=uploads.received_bytes(site, sha256))


def photo_name_or_404(sha256: str) -> str:
    """The name, if it is a SHA-256 in hex: no other string may reach a file path."""
    if not SHA256_PATTERN.match(sha256):
        abort(404)
    return sha256


@bp.get("/openapi.json")
@public
def openapi() -> Response:
    """The OpenAPI description of these routes."""
    return jsonify(document())
