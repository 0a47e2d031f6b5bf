"""Finds every form of the phone: pages with random records, until each kind was drawn."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random
from typing import Any

from tests.browser.random_records import NOW, page_context

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PERSON, OTHER = "p", "q"
"""The first is whom random records name wherever somebody answers for something."""

_FORM = re.compile(r'call op_form\(\s*"([a-z_.]+)"(.*?)endcall', re.DOTALL)
_FIELD = re.compile(
    r'<textarea|<select|<input(?![^>]*type="(?:hidden|file)")|_(?:fields|questions)\('
)
_STATE = re.compile(r'state (?:==|!=) "([a-z_]+)"')
_NOT_PAGES = {"base", "shell", "enrol", "unlock", "notice"}


def sources() -> dict[str, str]:
    return {
        str(path.relative_to(TEMPLATES)): path.read_text()
        for folder in ("field", "_parts")
        for path in (TEMPLATES / folder).glob("*.html")
    }


def kinds_with_fields() -> set[str]:
    """Every kind whose form somebody types or chooses something in."""
    forms = [found for text in sources().values() for found in _FORM.findall(text)]
    return {kind for kind, body in forms if _FIELD.search(body)}


def pages() -> list[str]:
    names = [Path(name).stem for name in sources() if name.startswith("field/")]
    return sorted(name for name in names if name[0] != "_" and name not in _NOT_PAGES)


def random_phone(seed: int) -> list[dict[str, Any]]:
    """What a phone has stored: one record for each type and id."""
    rng = Random(seed)
    states = sorted({state for text in sources().values() for state in _STATE.findall(text)})
    records = page_context(rng, "zh")["records"]
    rows = {}
    for type_, made in records.items():
        for row in made:
            changed = _more(rng, type_)
            if rng.random() < 0.4:
                changed["state"] = rng.choice(states)
            until = "2026-11-24T12:00:00.000Z"
            rows[type_, row["id"]] = {**row, **changed, "opens": "", "until": until, "version": 1}
    roles = ["service_desk", "manager", rng.choice(["cleaner", "supervisor"])]
    for id_ in (PERSON, OTHER):
        person = {"type": "person", "id": id_, "name": id_, "roles": roles, "active": True}
        rows["person", id_] = {**person, "opens": "", "until": NOW, "version": 1}
    return list(rows.values())


def _more(rng: Random, type_: str) -> dict[str, Any]:
    """What only a few records have, and some forms ask for."""
    thing = {"quantity": 2, "condition": "wet", "returned_at": None, "chain": [{"to": "x"}]}
    ticket = {"details": "x", "resolved_at": rng.choice([NOW, None]), "things": {"bag": thing}}
    ticket |= {"number": "3047128"}
    case = {"answers_id": PERSON, "state": rng.choice(["asked", "decided", "acknowledged"])}
    call = {"at": NOW, "by": "x", "outcome": "reached", "told": {"x": 1}}
    arrears = {"paused_by": rng.choice([None, ["t"]]), "calls": rng.choice([[], [call]])}
    arrears |= {"stated": {"x": "1.00"}, "visit_approved_at": rng.choice([None, NOW])}
    session = {"state": "open", "attendees": [PERSON], "answers": {}, "prompts": ["x", "y"]}
    more = {
        "ticket": ticket | rng.choice([{}, {"state": "closed"}]),
        "case": case,
        "arrears": arrears,
        "rectification": {"state": rng.choice(["open", "done"])},
        "session": rng.choice([{}, session]),
        "visit": {"state": rng.choice(["expected", "inside"])},
        "area": {"kind": rng.choice(["floor", "gate"])},
    }
    return more.get(type_, {})
