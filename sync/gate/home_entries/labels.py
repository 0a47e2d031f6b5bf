"""Labels of home entries: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Texts, _l, _lp

STATES: Texts = {
    "inside": _l("in the home"),
    "out": _lp("home entry", "left"),
    "joined": _l("joined with another entry"),
    "struck": _l("voided"),
}

FIELDS: Texts = {
    "worker_id": _lp("home entry", "Who"),
    "worker": _lp("home entry", "Who"),
    "in_at": _l("Went in at"),
    "out_at": _l("Came out at"),
    "out_by_id": _l("Exit recorded by"),
    "resident_present": _l("Resident at home"),
    "second_person": _l("Accompanied by"),
    "acknowledgement": _l("Resident's consent"),
    "remarks": _l("Remarks"),
    "afterwards": _l("Added later"),
    "into": _l("Joined with"),
    "entry": _l("Joined record"),
    "joined_to": _l("Joined with"),
    "joined_at": _l("Joined at"),
    "joined_by_id": _l("Joined by"),
    "struck_because": _l("Reason for voiding"),
}

PURPOSES: Texts = {
    "repair": _lp("home entry", "repair"),
    "check": _lp("home entry", "check-up"),
    "meters": _lp("home entry", "meter reading"),
    "delivery": _lp("home entry", "delivery"),
    "arrears": _lp("home entry", "overdue fees"),
    "other": _lp("home entry", "other"),
}
"""The purposes that a phone offers. An entry may name another one in words."""

VALUES: Mapping[str, Texts] = {
    "acknowledgement": {
        "verbal": _l("verbal"),
        "signature": _l("signature"),
        "none": _l("not asked"),
    },
    "purpose": PURPOSES,
    "struck_because": {
        "wrong_home": _l("Wrong home"),
        "wrong_person": _l("Wrong person"),
        "did_not_enter": _l("Did not enter"),
    },
    "strike.reason": {
        "wrong_home": _l("Wrong home"),
        "wrong_person": _l("Wrong person"),
        "did_not_enter": _l("Did not enter"),
    },
}
