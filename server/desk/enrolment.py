"""The link and QR code with which a phone is set up."""

from __future__ import annotations

from typing import Any

import segno
from flask import request, url_for


def enrolment_link(code: str) -> dict[str, Any]:
    """The `address` of the setup page with the code, its `qr` as a data URI, `safe`: over HTTPS."""
    address = url_for("field.shell", page="enrol", _external=True, _anchor=code)
    qr = segno.make(address, error="m").svg_data_uri(scale=6, border=3, light="#fff")
    is_safe = request.is_secure or request.host.partition(":")[0] in ("localhost", "127.0.0.1")
    return {"address": address, "qr": qr, "safe": is_safe}
