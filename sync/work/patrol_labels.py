"""Labels of patrols: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Texts, _l, _lp

ROUTE_STATES: Texts = {"active": _lp("record in use", "in use"), "inactive": _l("not in use")}

ROUND_STATES: Texts = {
    "open": _lp("patrol", "open"),
    "done": _l("done"),
    "cancelled": _l("cancelled"),
}

FIELDS: Texts = {
    "checkpoint": _l("Checkpoint"),
    "fastest": _l("Fastest time between checkpoints (seconds)"),
    "method": _l("Method"),
    "points": _l("Checkpoints"),
    "route_id": _l("Patrol route"),
    "token": _l("Label code"),
}

VALUES: Mapping[str, Texts] = {
    "point": {
        "scanned": _l("scanned"),
        "skipped": _lp("patrol checkpoint", "skipped"),
        "open": _lp("patrol checkpoint", "open"),
        "unknown": _l("not known yet"),
        "missed": _lp("patrol checkpoint", "missed"),
    },
    "method": {
        "qr": _l("QR code"),
        "code": _l("number typed"),
        "manual": _l("by hand, with photo"),
    },
    "flag": {
        "early": _l("early"),
        "late": _l("late"),
        "fast": _l("too fast"),
        "copied": _l("invalid label"),
        "manual": _l("without scanning"),
    },
}
