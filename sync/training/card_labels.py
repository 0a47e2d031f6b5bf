"""Labels of cards: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp

STATES: Texts = {
    "ready": _lp("card", "ready"),
    "awaiting": _l("no content yet"),
    "withdrawn": _l("withdrawn"),
}

FIELDS: Texts = {
    "group": _l("Group"),
    "title": _l("Title"),
    "body": _l("Text"),
    "phrase": _l("Phrase"),
    "order": _l("Position"),
    "status": _l("Status"),
    "pack": _l("Content pack"),
    "withdrawn_at": _l("Withdrawn at"),
}

VALUES: Mapping[str, Texts] = {
    "group": {
        "etiquette": _l("Etiquette"),
        "phrases": _l("Phrases"),
        "flow": _l("Procedures"),
        "standards": _l("Quality standards"),
        "posts": _l("Job roles"),
        "services": _l("Services"),
        "fees": _l("Fees"),
        "company": _l("The company"),
        "estates": _l("Estates"),
        "cases": _l("Case studies"),
    }
}

SENTENCES: Sentences = {
    "card.add": (_l("%(who)s wrote the card %(code)s"),),
    "card.revise": (_l("%(who)s changed the card"),),
    "card.withdraw": (_l("%(who)s withdrew the card"),),
    "card.amend": (_l("%(who)s corrected the card"),),
    "card.reissue": (_l("%(who)s brought out a new edition"),),
}
"""What the history of a record says, by the kind of op."""
