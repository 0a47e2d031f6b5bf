"""Submit an op of the current user, go back to a page, and say there what became of it."""

from __future__ import annotations

from typing import Any

from flask import redirect
from werkzeug.wrappers import Response

from server.auth.sessions import current_user
from server.oplog.receive import submit


def submit_and_redirect(
    kind: str, subject: str | None, payload: dict[str, Any], return_url: str, **more: Any
) -> Response:
    """Submit an op and redirect (303) to `return_url`; without `subject` it makes a new record.

    Unless the op was applied, the page gets the verdict's code, or else its status, as `said`, for
    `labels.outcome_message`. `more` are further fields of the op, such as `base`.
    """
    user = current_user()
    verdict = submit(user.site_id, kind, subject, payload, by=user.person_id, **more)
    if verdict["status"] == "applied":
        return redirect(return_url, 303)
    separator = "&" if "?" in return_url else "?"
    return redirect(f"{return_url}{separator}said={verdict.get('code') or verdict['status']}", 303)
