"""Labels of arrears: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l

STATES: Texts = {
    "listed": _l("to be called"),
    "called": _l("called"),
    "not_reached": _l("not reached"),
    "appointment": _l("appointment made"),
    "disputed": _l("paused: complaint"),
    "visit_allowed": _l("visit approved"),
    "visited": _l("visited"),
    "handed_up": _l("with a manager"),
    "paid": _l("paid"),
}

FIELDS: Texts = {
    "lines": _l("Amounts owed"),
    "what": _l("Fee"),
    "batch": _l("Ledger"),
    "ledger_at": _l("Last ledger"),
    "payments_included": _l("Payments are in the ledger"),
    "itemised": _l("Stated item by item"),
    "appointment_at": _l("Appointment"),
    "override_reason": _l("Reason for calling outside hours"),
    "collector_id": _l("Collector"),
    "windows": _l("Call hours"),
    "do_not_call": _l("Do not call"),
    "cents": _l("Amount (cents)"),
    "apologised": _l("Apologised"),
    "went_in": _l("Went into the home"),
    "visit_went_in": _l("Went into the home"),
    "in_at": _l("Went in at"),
    "out_at": _l("Came out at"),
}

VALUES: Mapping[str, Texts] = {
    "outcome": {
        "reached": _l("reached"),
        "unreachable": _l("not reached"),
        "wrong_number": _l("wrong number"),
        "would_not_talk": _l("declined to talk"),
        "met": _l("met in person"),
        "not_home": _l("nobody at home"),
    }
}

SENTENCES: Sentences = {
    "arrears.list": (_l("%(who)s took the amounts from the ledger %(batch)s: %(lines)s"),),
    "arrears.relist": (
        _l("%(who)s took new amounts from the ledger %(batch)s: %(lines)s"),
        _l("%(who)s took over from the ledger %(batch)s that nothing is owed"),
    ),
    "arrears.assign": (_l("%(who)s gave it to %(collector_id)s"),),
    "arrears.prefer": (_l("%(who)s noted when the resident takes calls"),),
    "arrears.call": (
        _l("%(who)s called: %(outcome)s. %(note)s"),
        _l("%(who)s called: %(outcome)s"),
    ),
    "arrears.appoint": (_l("%(who)s agreed on %(appointment_at)s"),),
    "arrears.dispute": (_l("%(who)s noted a complaint about the fee: %(details)s"),),
    "arrears.resume": (_l("The complaint was answered; collection goes on"),),
    "arrears.ask_visit": (_l("%(who)s asked to visit: %(reason)s"),),
    "arrears.approve_visit": (_l("%(who)s approved the visit"),),
    "arrears.visit": (
        _l("%(who)s visited: %(outcome)s. %(note)s"),
        _l("%(who)s visited: %(outcome)s"),
    ),
    "arrears.pay": (
        _l("%(who)s noted a payment of ¥ %(cents)s, receipt %(receipt)s"),
        _l("%(who)s noted a payment of ¥ %(cents)s"),
    ),
    "arrears.hand_up": (_l("%(who)s passed it to a manager: %(reason)s"),),
    "arrears.purge": (_l("Personal data was erased, as its time was over"),),
}
"""What the history of a record says, by the kind of op."""
