"""Labels of tickets: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Texts, _l, _lp

STATES: Texts = {
    "draft": _l("item to be registered"),
    "received": _l("received"),
    "handed_over": _l("transferred, not accepted yet"),
    "proxy_held": _l("received on behalf of someone"),
    "escalated": _l("escalated, not accepted yet"),
    "in_progress": _lp("ticket state", "in progress"),
    "resolved": _l("done, resident to be informed"),
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
    "marks": _l("Service ratings"),
    "about_type": _l("Related record type"),
    "done_on_the_spot": _l("Resolved on the spot"),
    "number": _l("Number"),
    "matter": _l("Request type"),
    "handler_id": _l("Handler"),
    "closed_at": _lp("ticket", "Ticket closed at"),
    "from_id": _l("Previous"),
    "into_id": _l("Merged into"),
    "numbers": _l("Numbers"),
    "receiver_ids": _l("Also received by"),
}

ESCALATION_LABELS: Texts = {
    "unclear": _l("unclear responsibility"),
    "urgent": _l("urgent"),
    "major": _l("major"),
}

VALUES: Mapping[str, Texts] = {
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
    "urgency": {"normal": _l("normal"), "urgent": _l("urgent")},
    "escalation": ESCALATION_LABELS,
    "escalate.reason": ESCALATION_LABELS,
    "reaction": {
        "satisfied": _l("satisfied"),
        "unsatisfied": _l("not satisfied"),
        "unreachable": _l("not reached"),
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
    "requirement": {
        "item": _l("register the item"),
        "resolution": _l("do the work"),
        "follow-up": _l("follow up"),
        "return": _l("return the item"),
        "feedback": _l("inform the resident"),
    },
}
