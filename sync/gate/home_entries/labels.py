"""Labels of home entries: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp

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

SENTENCES: Sentences = {
    "entry.begin": (
        _l("%(worker_id)s went in: %(purpose)s. Noted by %(who)s"),
        _l("%(worker)s went in: %(purpose)s. Noted by %(who)s"),
        _l("%(who)s went in: %(purpose)s"),
    ),
    "entry.tell": (
        _l("%(who)s noted later: %(worker_id)s was in from %(in_at)s to %(out_at)s, %(purpose)s"),
        _l("%(who)s noted later: %(worker)s was in from %(in_at)s to %(out_at)s, %(purpose)s"),
        _l("%(who)s noted an entry later: %(purpose)s"),
    ),
    "entry.exit": (_l("%(who)s noted that somebody came out"),),
    "entry.end": (_l("%(who)s noted the way out"),),
    "entry.left": (_l("%(who)s noted that they came out at %(out_at)s"),),
    "entry.undo": (_l("%(who)s took the way out back"),),
    "entry.strike": (_l("%(who)s struck it out: %(reason)s"),),
    "entry.join": (_l("%(who)s joined it to another entry"),),
    "entry.separate": (_l("%(who)s separated the two entries again"),),
    "entry.absorb": (_l("Another note of the same entry was joined"),),
    "entry.release": (_l("The other note was separated again"),),
    "entry.amend": (_l("%(who)s corrected %(changes)s"),),
    "entry.purge": (_l("Personal data was erased, as its time was over"),),
}
"""What the history of a record says, by the kind of op."""
