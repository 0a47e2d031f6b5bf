"""Labels of lost property: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp

STATES: Texts = {
    "reported": _lp("lost item", "reported"),
    "compiled": _l("home entries listed"),
    "inquiry": _l("taking statements"),
    "found": _l("found"),
    "returned": _l("returned to owner"),
    "police": _l("handed to police"),
    "closed": _lp("lost item", "closed"),
}

FIELDS: Texts = {
    "receipt": _lp("lost", "Police receipt number"),
    "item": _lp("lost", "Item lost"),
    "closed_at": _lp("lost", "Case closed at"),
    "to": _lp("lost", "Returned to"),
    "last_seen_at": _l("Last seen at"),
    "last_seen_where": _l("Last seen where"),
    "holds_personal_data": _l("Contains personal data"),
    "next_action": _l("Next step"),
    "next_action_at": _l("Next step due"),
    "since": _l("From"),
    "entries": _l("Home entries"),
    "purposes": _l("Purpose"),
    "parties": _l("People"),
    "unheard": _l("Phones not heard from"),
    "said": _l("Statement"),
    "tell.said": _lp("lost.tell", "What the resident was told"),
    "declined": _l("Declined to give a statement"),
    "handed_by": _l("Handed over by"),
    "where": _l("Where"),
    "closing_note": _l("Closing note"),
    "found_at": _lp("lost", "Item found at"),
    "contracted_at": _l("With contractor since"),
    "party": _l("Person present"),
    "answer_until": _l("Statement due"),
}

VALUES: Mapping[str, Texts] = {
    "purposes": {
        "repair": _lp("home entry", "repair"),
        "check": _lp("home entry", "check-up"),
        "meters": _lp("home entry", "meter reading"),
        "delivery": _lp("home entry", "delivery"),
        "arrears": _lp("home entry", "overdue fees"),
        "business": _l("business"),
        "family": _l("family or friends"),
        "service": _l("home service"),
        "other": _l("other"),
    },
    "outcome": {
        "returned": _l("returned to owner"),
        "police": _l("handed to police"),
        "informed": _l("not found, resident informed"),
    },
    "channel": {
        "in_person": _l("in person"),
        "phone": _l("by phone"),
        "message": _l("WeChat message"),
        "letter": _l("in writing"),
        "on_round": _l("on patrol"),
        "other": _l("other"),
    },
    "urgency": {"normal": _l("normal"), "urgent": _l("urgent")},
    "answer": {
        "yes": _lp("police offer", "yes"),
        "no": _lp("police offer", "no"),
        "undecided": _l("not decided yet"),
    },
    "requirement": {
        "contact-missing": _l("ask for contact details"),
        "entries-missing": _l("list who was in the home"),
        "statements-missing": _l("ask everyone on the list for a statement"),
        "police-missing": _l("offer to report it to the police"),
        "not-returned": _l("return it to its owner"),
        "not-with-police": _l("hand it over to the police"),
        "feedback-missing": _l("inform the resident"),
    },
}

SENTENCES: Sentences = {
    "lost.open": (
        _l("%(who)s took in the report: %(item)s is missing. %(details)s"),
        _l("%(who)s took in the report: %(item)s is missing"),
    ),
    "lost.contact": (
        _l("%(who)s noted how to reach the resident: %(contact)s"),
        _l("%(who)s noted that the resident leaves no contact: %(declined_because)s"),
        _l("%(who)s asked how to reach the resident"),
    ),
    "lost.compile": (_l("%(who)s listed who was in the home from %(since)s to %(before)s"),),
    "lost.ask": (
        _l("%(who)s asked %(name)s, answer due %(answer_until)s"),
        _l("%(who)s asked %(name)s"),
        _l("%(who)s asked somebody on the list"),
    ),
    "lost.state": (
        _l("%(name)s said to %(who)s: %(said)s"),
        _l("%(name)s declined to make a statement, noted %(who)s"),
        _l("%(who)s noted a statement"),
    ),
    "lost.offer_police": (_l("%(who)s offered to go to the police: %(answer)s"),),
    "lost.to_police": (_l("%(who)s handed the case to the police: %(station)s"),),
    "lost.find": (_l("%(who)s found it: %(where)s"),),
    "lost.return": (_l("%(who)s returned it to %(to)s"),),
    "lost.tell": (_l("%(who)s told the resident: %(said)s"),),
    "lost.next": (_l("%(who)s set the next step by %(next_action_at)s: %(next_action)s"),),
    "lost.contract_out": (_l("%(who)s asked %(contractor)s to help"),),
    "lost.close": (
        _l("%(who)s closed the case: %(outcome)s. %(closing_note)s"),
        _l("%(who)s closed the case: %(outcome)s"),
    ),
    "lost.reopen": (_l("%(who)s reopened the case: %(reason)s"),),
    "lost.amend": (_l("%(who)s corrected %(changes)s"),),
    "lost.purge": (_l("Personal data was erased, as its time was over"),),
}
"""What the history of a record says, by the kind of op."""
