"""Labels of patrols: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp
from sync.work.dispositions import DISPOSITION_LABELS

ROUTE_STATES: Texts = {"active": _lp("record in use", "in use"), "inactive": _l("not in use")}

ROUND_STATES: Texts = {
    "open": _lp("patrol", "open"),
    "done": _l("done"),
    "cancelled": _l("cancelled"),
}

SKIP_REASONS: Texts = {
    "locked": _l("Locked"),
    "way_blocked": _l("Way blocked"),
    "called_away": _l("Called away"),
    "bad_weather": _l("Bad weather"),
}
"""The reasons that a phone offers. An older op may give another one in words."""

FIELDS: Texts = {
    "planned_at": _l("Planned at"),
    "checkpoint": _l("Checkpoint"),
    "fastest": _l("Fastest time between checkpoints (seconds)"),
    "method": _l("Method"),
    "points": _l("Checkpoints"),
    "route_id": _l("Patrol route"),
    "at": _lp("scan", "Scanned at"),
    "because": _lp("patrol", "Reason"),
    "by_id": _lp("scan", "Scanned by"),
    "checkpoints": _l("Checkpoints"),
    "disposed": _l("Decisions on missed checkpoints"),
    "disposition": _l("Decision on missed checkpoints"),
    "note": _lp("patrol", "Explanation"),
    "scan": _l("Scan"),
    "source": _lp("patrol", "Moved from"),
    "to": _lp("patrol", "Counted for"),
    "token": _l("Label code"),
}

VALUES: Mapping[str, Texts] = {
    "point": {
        "scanned": _l("scanned"),
        "skipped": _lp("patrol checkpoint", "skipped"),
        "late": _lp("patrol checkpoint", "scanned late"),
        "open": _lp("patrol checkpoint", "open"),
        "unknown": _l("not known yet"),
        "missed": _lp("patrol checkpoint", "missed"),
        "planned_late": _l("planned late"),
    },
    "reason": SKIP_REASONS,
    "disposition": DISPOSITION_LABELS,
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
        "moved": _l("moved by the office"),
    },
}

SENTENCES: Sentences = {
    "route.add": (_l("%(who)s set up the route %(label)s"),),
    "route.change": (_l("%(who)s changed the route"),),
    "round.plan": (
        _l("The round was planned for %(responsible_id)s"),
        _l("The round was planned"),
    ),
    "round.amend": (_l("The round follows the changed route"),),
    "round.drop": (_l("%(who)s cancelled the round"),),
    "round.scan": (_l("%(who)s was at %(checkpoint)s"),),
    "round.fine": (_l("%(who)s found everything in order at %(checkpoint)s"),),
    "round.skip": (_l("%(who)s left out %(checkpoint)s: %(reason)s"),),
    "round.move": (_l("%(who)s moved the scan at %(checkpoint)s to another round: %(because)s"),),
    "round.take": (_l("%(who)s counted a scan at %(checkpoint)s here: %(because)s"),),
    "round.dispose": (
        _l("%(who)s decided about missed points: %(disposition)s. %(note)s"),
        _l("%(who)s decided about missed points: %(disposition)s"),
    ),
}
"""What the history of a record says, by the kind of op."""
