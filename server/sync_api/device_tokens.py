"""The token of a phone changes from time to time, so that a copy of it is of no use for long.

The phone gets the next token at its hello. Both are valid until it says hello with the next one: an
answer that is lost on the way locks no phone out.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from server.auth.credentials import new_token, token_digest
from server.db.engine import db, write_transaction
from server.models.access import Device
from server.oplog.security_log import log_access

TOKEN_LIFETIME = timedelta(days=7)


def renew_token(device_id: str, token: str, now: datetime) -> str | None:
    """W9: the next token for a phone that says hello with this one, or None while it is to keep it.

    If this is the next one already, the one before it ends.
    """
    device = db.session.get_one(Device, device_id)
    is_next = device.next_token_hash == token_digest(token)
    if not is_next and now - (device.token_at or device.enrolled_at) < TOKEN_LIFETIME:
        return None
    with write_transaction():
        device = db.session.get_one(Device, device_id, with_for_update=True)
        renewed = None
        if is_next:
            device.token_hash, device.next_token_hash = token_digest(token), None
            device.token_at = now
        else:
            renewed = new_token()
            device.next_token_hash = token_digest(renewed)
        site, details = device.site_id, {"action": "token"}
        log_access("device", site_id=site, by=None, device=device_id, details=details)
    return renewed
