"""Labels of arrears: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Texts, _l

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
