"""Labels of accountability cases: fields, values and states."""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Sentences, Texts, _l, _lp
from sync.work.patrol_labels import SKIP_REASONS as POINT_SKIP_REASONS
from sync.work.shift_labels import NO_UNIFORM_REASONS
from sync.work.task_labels import SKIP_REASONS as TASK_SKIP_REASONS

STATES: Texts = {
    "raised": _l("opened"),
    "fact_finding": _l("collecting facts"),
    "asked": _l("statement requested"),
    "stated": _l("statement given"),
    "declined": _l("declined to give a statement"),
    "decided": _l("decided, not read yet"),
    "acknowledged": _l("decided and read"),
    "appealed": _l("appealed"),
    "closed": _lp("accountability case", "closed"),
}

FIELDS: Texts = {
    "text": _lp("case", "Statement"),
    "finding": _lp("case", "Finding"),
    "raised_by_id": _lp("case", "Opened by"),
    "closed_at": _lp("case", "Case closed at"),
    "found_at": _lp("case", "Facts added at"),
    "sub": _l("Category item"),
    "subject_kind": _l("Subject type"),
    "subject_id": _l("Team or contractor"),
    "subject_name": _l("Team or contractor"),
    "answers_id": _l("Person to answer"),
    "amount": _l("Amount (cents)"),
    "answer_until": _l("Statement due"),
    "statement_hours": _l("Least hours for a statement"),
    "measures": _l("Measures"),
    "facts": _l("Facts"),
    "category_id": _l("Category"),
}

VALUES: Mapping[str, Texts] = {
    "finding": {
        "responsible": _l("responsible"),
        "partly": _l("partly responsible"),
        "not_responsible": _l("not responsible"),
    },
    "answer": {
        "stated": _l("statement given"),
        "declined": _l("declined to give a statement"),
    },
    "subject_kind": {
        "person": _l("one person"),
        "team": _l("team"),
        "contractor": _l("contractor"),
        "manager": _l("manager"),
    },
    "reason": {**TASK_SKIP_REASONS, **POINT_SKIP_REASONS, **NO_UNIFORM_REASONS},
    "fact": {
        "missed": _l("not done in time"),
        "missed_point": _l("patrol checkpoints missed"),
        "breach": _l("promised reply missed"),
        "fast": _l("checkpoints scanned too fast"),
        "copied": _l("invalid checkpoint label"),
        "no_uniform": _l("no work clothes"),
        "poor_mark": _l("poor inspection result"),
        "poor_rating": _l("rated poorly by a resident"),
        "reception": _l("reception check failed"),
        "complaint": _l("complaint by a resident"),
        "told_against": _l("added by hand"),
        "skipped": _l("skipped with a reason"),
        "late_phone": _l("phone without signal, or lost"),
        "off_duty": _l("not on duty at the time"),
        "weather": _l("rain or snow"),
        "helped": _l("already started by someone else"),
        "satisfied": _l("the resident was satisfied afterwards"),
        "told_for": _l("added by hand, explains it"),
    },
}

SENTENCES: Sentences = {
    "case.raise": (_l("%(who)s opened the case: %(facts)s"),),
    "case.find": (_l("%(who)s added a fact: %(facts)s"),),
    "case.ask": (_l("%(who)s asked for a statement, due %(answer_until)s"),),
    "case.decide": (_l("%(who)s decided: %(finding)s. %(measures)s"),),
    "case.review": (_l("%(who)s decided again: %(finding)s. %(measures)s"),),
    "case.close": (
        _l("%(who)s closed the case: %(because)s"),
        _l("%(who)s closed the case"),
    ),
    "case.state": (
        _l("%(who)s stated: %(text)s"),
        _l("%(who)s answered: %(answer)s"),
    ),
    "case.acknowledge": (_l("%(who)s read the decision"),),
    "case.appeal": (_l("%(who)s appealed: %(text)s"),),
}
"""What the history of a record says, by the kind of op."""
