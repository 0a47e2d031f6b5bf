"""How a phone is enrolled: the address and its QR code."""

from __future__ import annotations

from typing import Any

import segno
from flask import request, url_for


def enrolment_link(code: str) -> dict[str, Any]:
    """Where a phone goes to be enrolled, as an address and as a QR."""
    address = url_for("field.shell", page="enrol", _external=True, _anchor=code)
    drawn = segno.make(address, error="m").svg_data_uri(scale=6, border=3, light="#fff")
    safe = request.is_secure or request.host.partition(":")[0] in ("localhost", "127.0.0.1")
    return {"address": address, "qr": drawn, "safe": safe}
