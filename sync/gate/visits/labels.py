"""Labels of visits: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp

STATES: Texts = {
    "expected": _l("expected"),
    "inside": _l("inside"),
    "departed": _lp("visit", "left"),
    "refused": _l("refused"),
    "purged": _l("erased"),
}

FIELDS: Texts = {
    "retained_from": _l("Departure or planned visit"),
    "note": _lp("visit", "Special needs"),
    "phone": _l("Phone number"),
    "party_size": _l("Number of people"),
    "id_checked": _l("ID checked"),
    "host_person": _l("Host"),
    "expected_at": _l("Pre-registered at"),
    "expected_by_id": _l("Pre-registered by"),
    "expected_from": _l("Expected from"),
    "expected_until": _l("Expected until"),
    "expected_minutes": _l("Planned stay (minutes)"),
    "due_at": _lp("visit", "Expected to leave by"),
    "presumed": _l("Presumed"),
    "refused_at": _l("Refused at"),
    "refused_by_id": _l("Refused by"),
    "refuse_reason": _l("Reason for refusing"),
    "step": _l("Reception step"),
    "steps": _l("Reception step"),
    "held_at": _l("Legal hold since"),
    "held_by_id": _l("Legal hold set by"),
    "hold_reason": _l("Reason for legal hold"),
    "arrived_at": _l("Came in at"),
    "arrived_by_id": _l("Let in by"),
    "departed_at": _l("Left at"),
    "departed_by_id": _l("Seen out by"),
}

REFUSE_REASONS: Texts = {
    "host_declined": _l("Host declined"),
    "no_answer": _l("No answer"),
    "wrong_address": _l("Wrong address"),
}
"""The reasons that a phone offers. A refusal may give another one in words."""

VALUES: Mapping[str, Texts] = {
    "refuse_reason": REFUSE_REASONS,
    "refuse.reason": REFUSE_REASONS,
    "purpose": {
        "business": _l("business"),
        "family": _l("family or friends"),
        "service": _l("home service"),
        "other": _l("other"),
    },
    "step": {
        "greeted": _l("greeted"),
        "seated": _l("offered a seat"),
        "answered": _l("question answered"),
        "soothed": _l("calmed"),
        "guided": _l("shown the way"),
        "farewell": _l("seen off"),
    },
}

SENTENCES: Sentences = {
    "visit.arrive": (_l("%(who)s let %(visitor)s in: %(purpose)s"),),
    "visit.expect": (
        _l("%(who)s announced %(visitor)s for %(expected_from)s: %(purpose)s"),
        _l("%(who)s announced %(visitor)s: %(purpose)s"),
    ),
    "visit.admit": (_l("%(who)s let the announced visitor in"),),
    "visit.refuse": (_l("%(who)s did not let them in: %(reason)s"),),
    "visit.reopen": (_l("%(who)s took the refusal back"),),
    "visit.depart": (_l("%(who)s saw them leave"),),
    "visit.presume_left": (_l("The day is over: presumed to have left"),),
    "visit.return": (_l("%(who)s noted that they are still inside"),),
    "visit.attend": (_l("%(who)s attended to them: %(step)s"),),
    "visit.amend": (_l("%(who)s corrected %(changes)s"),),
    "visit.hold": (_l("%(who)s set a legal hold: %(reason)s"),),
    "visit.release_hold": (_l("%(who)s lifted the legal hold"),),
    "visit.purge": (_l("Personal data was erased, as its time was over"),),
}
"""What the history of a record says, by the kind of op."""
