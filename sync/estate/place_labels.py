"""Labels of places: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.estate.disclosure_details import DETAILS_LABELS
from sync.protocol.text import Sentences, Texts, _l, _lp

STATES: Texts = {"there": _lp("place", "in use")}

FIELDS: Texts = {
    **DETAILS_LABELS,
    "retention_days": _l("Days to keep visits, gate passes and frequent visitors"),
    "notice_contact": _l("Whom to ask about personal data"),
    "notice_text": _l("Further text of the privacy notice"),
    "entry_days": _l("Days to keep home entries"),
    "ticket_days": _l("Days to keep closed tickets"),
    "find_days": _l("Days to keep returned found items"),
    "lost_days": _l("Days to keep closed lost item cases"),
    "arrears_days": _l("Days to keep paid arrears"),
    "visit_minutes": _l("Usual length of a visit (minutes)"),
    "occupied": _l("Occupied"),
    "kind": _l("Type"),
    "statement_hours": _l("Hours for a statement"),
    "silent_hours": _l("Hours until a phone counts as silent"),
    "two_step": _l("Two-step sign-in for managers and administrators"),
    "ordinal": _l("Position"),
    "parent_id": _l("Part of"),
    "route": _l("Patrol route"),
}

AREA_KIND_LABELS: Texts = {
    "outdoor": _l("outdoors"),
    "building": _l("building"),
    "unit_entrance": _l("entrance"),
    "stairwell": _l("stairwell"),
    "floor": _l("floor"),
    "glass": _l("glass"),
    "washroom": _l("washroom"),
    "office": _l("office"),
    "refuse_point": _l("refuse point"),
    "gate": _l("gate"),
    "room": _l("room"),
}

VALUES: Mapping[str, Texts] = {"kind": AREA_KIND_LABELS}

SENTENCES: Sentences = {
    "site.add": (_l("%(who)s added the estate %(label)s"),),
    "site.disclose": (_l("%(who)s changed what is disclosed: %(changes)s"),),
    "site.retain": (_l("%(who)s changed settings: %(changes)s"),),
    "area.add": (_l("%(who)s added %(label)s"),),
    "unit.add": (_l("%(who)s added %(label)s"),),
    "unit.occupy": (_l("%(who)s noted whether somebody lives there: %(occupied)s"),),
    "checkpoint.add": (_l("%(who)s added %(label)s"),),
    "checkpoint.relabel": (_l("%(who)s printed a new label; the old one no longer counts"),),
}
"""What the history of a record says, by the kind of op."""
