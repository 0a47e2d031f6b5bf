"""Labels of home entries: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Texts, _l, _lp

STATES: Texts = {
    "inside": _l("in the home"),
    "out": _lp("home entry", "left"),
    "struck": _l("voided"),
}

FIELDS: Texts = {
    "worker_id": _lp("home entry", "Who"),
    "worker": _lp("home entry", "Who"),
    "in_at": _l("Went in at"),
    "out_at": _l("Came out at"),
    "resident_present": _l("Resident at home"),
    "second_person": _l("Accompanied by"),
    "acknowledgement": _l("Resident's consent"),
    "remarks": _l("Remarks"),
    "afterwards": _l("Added later"),
    "struck_because": _l("Reason for voiding"),
}

VALUES: Mapping[str, Texts] = {
    "acknowledgement": {
        "verbal": _l("verbal"),
        "signature": _l("signature"),
        "none": _l("not asked"),
    }
}
