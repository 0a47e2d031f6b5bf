"""Labels of tickets: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.roles import TRADE_LABELS
from sync.protocol.text import Sentences, Texts, _l, _lp

STATES: Texts = {
    "draft": _l("item to be registered"),
    "received": _l("received"),
    "handed_over": _l("transferred, not accepted yet"),
    "proxy_held": _l("received on behalf of someone"),
    "escalated": _l("escalated, not accepted yet"),
    "in_progress": _lp("ticket state", "in progress"),
    "resolved": _l("done, resident to be informed"),
    "informed": _l("resident informed, not closed yet"),
    "closed": _lp("ticket state", "closed"),
    "merged": _l("merged into another ticket"),
}

FIELDS: Texts = {
    "item": _lp("ticket", "Related item"),
    "register.item": _lp("ticket", "Item"),
    "resolved_how": _l("What was done"),
    "resolved_at": _l("Work done at"),
    "how": _l("What was done"),
    "text": _lp("ticket", "Findings"),
    "answered": _l("Answer given"),
    "who": _l("Asked by"),
    "reaction": _l("Resident's response"),
    "promised_at": _l("Reply promised by"),
    "for_id": _l("On behalf of"),
    "to_id": _lp("ticket", "Leader"),
    "has_items": _l("Has related items"),
    "steward_id": _l("Responsible"),
    "other_id": _l("Duplicate ticket"),
    "keep_apart.other_id": _l("Other ticket"),
    "apart": _l("Another matter"),
    "marks": _l("Service ratings"),
    "about_type": _l("Related record type"),
    "done_on_the_spot": _l("Resolved on the spot"),
    "number": _l("Number"),
    "slip": _l("Code of the slip"),
    "matter": _l("Request type"),
    "category": _l("Problem"),
    "voices": _l("How the resident was received"),
    "holder": _l("Kept by"),
    "said": _lp("ticket", "What the resident was told"),
    "handler_id": _l("Handler"),
    "closed_at": _lp("ticket", "Ticket closed at"),
    "from_id": _l("Previous"),
    "into_id": _l("Merged into"),
    "numbers": _l("Numbers"),
    "trade": _l("Trade"),
    "asked_trade": _l("Trade"),
    "receiver_ids": _l("Also received by"),
}

ESCALATION_LABELS: Texts = {
    "unclear": _l("unclear responsibility"),
    "urgent": _l("urgent"),
    "major": _l("major"),
}

ON_THE_SPOT: Texts = {"on_the_spot": _l("resolved on the spot")}

VALUES: Mapping[str, Texts] = {
    "trade": TRADE_LABELS,
    "asked_trade": TRADE_LABELS,
    "voice": {
        "greeted": _l("greeted"),
        "answered": _l("question answered"),
        "farewell": _l("seen off"),
    },
    "channel": {
        "in_person": _l("in person"),
        "phone": _l("by phone"),
        "message": _l("WeChat message"),
        "letter": _l("in writing"),
        "on_round": _l("on patrol"),
        "other": _l("other"),
    },
    "matter": {
        "business": _l("service request"),
        "enquiry": _l("enquiry"),
        "report": _l("problem report"),
        "complaint": _l("complaint"),
    },
    "category": {
        "broken": _lp("problem", "broken"),
        "dirty": _lp("problem", "dirty"),
        "leaking": _lp("problem", "leaking"),
        "dangerous": _lp("problem", "dangerous"),
        "other": _lp("problem", "something else"),
    },
    "urgency": {"normal": _l("normal"), "urgent": _l("urgent")},
    "escalation": ESCALATION_LABELS,
    "escalate.reason": ESCALATION_LABELS,
    "reaction": {
        "satisfied": _l("satisfied"),
        "unsatisfied": _l("not satisfied"),
        "unreachable": _l("not reached"),
        "informed": _l("told everything"),
        "not_needed": _l("nobody to inform"),
    },
    "marks": {
        "reception": _l("warm reception"),
        "guidance": _l("helpful guidance"),
        "patience": _l("patient answers"),
        "language": _l("polite language"),
        "good": _l("good"),
        "fair": _l("fair"),
        "poor": _l("poor"),
    },
    "give_back.reason": {
        "off_duty": _l("off duty"),
        "not_my_job": _l("not my job"),
        "needs_tools": _l("needs tools"),
        "needs_supervisor": _l("needs a supervisor"),
    },
    "follow.text": {
        "in_progress": _lp("follow-up", "work in progress"),
        "checked": _l("checked: done"),
        "waiting_for_part": _l("waiting for a part"),
        "reminded": _l("sent a reminder"),
    },
    "done_on_the_spot": ON_THE_SPOT,
    "resolved_how": {
        **ON_THE_SPOT,
        "returned": _l("returned to owner"),
        "police": _l("handed to police"),
        "informed": _l("not found, resident informed"),
    },
    "requirement": {
        "matter": _l("ask what kind of request it is"),
        "contact": _l("ask for contact details"),
        "item": _l("register the item"),
        "resolution": _l("do the work"),
        "follow-up": _l("follow up"),
        "return": _l("return the item"),
        "feedback": _l("inform the resident"),
    },
}

SENTENCES: Sentences = {
    "ticket.open": (
        _l("%(who)s received it (%(channel)s): %(details)s"),
        _l("%(who)s received it: %(details)s"),
        _l("%(who)s received it (%(channel)s): %(category)s"),
        _l("%(who)s received it: %(category)s"),
        _l("%(who)s received it with a photo"),
    ),
    "ticket.hand_over": (
        _l("%(who)s handed it to %(handler_id)s"),
        _l("%(who)s handed it to %(contractor_id)s; %(accountable_id)s answers for them"),
        _l("%(who)s handed it to whoever is on duty: %(role)s (%(trade)s)"),
        _l("%(who)s handed it to whoever is on duty: %(role)s"),
        _l("%(who)s handed it on"),
    ),
    "ticket.accept": (_l("%(who)s accepted it"),),
    "ticket.give_back": (_l("%(who)s gave it back: %(reason)s"),),
    "ticket.hold": (_l("%(who)s received it for %(for_id)s, who was away"),),
    "ticket.escalate": (_l("%(who)s escalated it to %(to_id)s: %(reason)s"),),
    "ticket.follow": (_l("%(who)s noted: %(text)s"),),
    "ticket.promise": (_l("%(who)s promised a reply by %(promised_at)s"),),
    "ticket.inform": (_l("%(who)s told the resident: %(said)s"),),
    "ticket.resolve": (
        _l("%(who)s did the work: %(how)s"),
        _l("%(who)s did the work"),
    ),
    "ticket.feed_back": (
        _l("%(who)s reported back to the resident: %(reaction)s. %(note)s"),
        _l("%(who)s reported back to the resident: %(reaction)s"),
    ),
    "ticket.enquire": (
        _l("%(whom)s asked again. %(who)s answered: %(answered)s"),
        _l("Somebody asked again. %(who)s answered: %(answered)s"),
    ),
    "ticket.register": (
        _l("%(who)s took in %(item)s from %(holder)s"),
        _l("%(who)s took in %(item)s"),
    ),
    "ticket.pass_on": (_l("%(who)s passed %(item)s on to %(to)s"),),
    "ticket.return_item": (_l("%(who)s returned %(item)s to %(to)s"),),
    "ticket.reopen": (_l("%(who)s reopened it: %(reason)s"),),
    "ticket.revise": (_l("%(who)s changed %(changes)s"),),
    "ticket.merge": (_l("%(who)s merged it with another ticket"),),
    "ticket.amend": (_l("%(who)s corrected %(changes)s"),),
    "ticket.succeed": (_l("%(to_id)s now answers for it instead of %(from_id)s, who has left"),),
    "ticket.keep_apart": (
        _l("%(who)s compared it with another ticket; each a matter of its own: %(apart)s"),
        _l("%(who)s compared it with another ticket"),
    ),
    "ticket.absorb": (_l("A ticket about the same matter was added"),),
    "ticket.conclude": (_l("Its case ended: %(outcome)s"),),
    "ticket.give_way": (_l("It was merged into another ticket"),),
    "ticket.purge": (_l("Personal data was erased, as its time was over"),),
}
"""What the history of a record says, by the kind of op."""
