"""Random contexts for the phone's templates."""

from __future__ import annotations

from random import Random
from typing import Any

NOW, TODAY = "2026-11-24T02:30:05.120Z", "2026-11-24"
TIMES = [NOW, "2026-11-24T01:00:00.000Z", "2026-11-24T03:30:00.000Z", "2026-11-23T23:59:59.999Z"]
TEXTS = [
    "",
    "</script><b>",
    'it\'s "fine" & well',
    "张 师傅",
    "😀",
    "line\u2028end",
    "%(name)s",
    "{{ me }}",
]
TAPPED_KINDS = ["task.complete", "task.undo", "visit.depart", "visit.return", "release.pass"]
SYNC_STATES = [
    "all_sent",
    "waiting",
    "no_network",
    "idle_offline",
    "sending_photos",
    "busy",
    "check",
]
SYNC_STATES += ["stale", "signed_out"]
PIN_RESULTS = ["", "ok", "wrong", "wait", "first", "different", "same", "short", "trivial"]
ROLES = [
    *("cleaner", "guard", "service_desk", "supervisor", "manager", "admin"),
    *("contractor_worker", "repair"),
]


def page_context(rng: Random, lang: str) -> dict[str, Any]:
    """A random context with everything that a page or a part may use."""
    people = random_rows(rng, person, 1, 4)
    records = {kind: random_rows(rng, make, 0, 5) for kind, make in BUILDERS.items()} | {
        "person": people
    }
    return {
        **{kind: make(rng) for kind, make in BUILDERS.items()},
        "records": records,
        "me": rng.choice([*people, None]),
        "people": people,
        "now": NOW,
        "today": TODAY,
        "lang": lang,
        "scheme": rng.choice(["auto", "light", "dark"]),
        "size": rng.choice(["normal", "big"]),
        "site": rng.choice([None, {"id": "s", "label": label(rng)}]),
        "page": rng.choice(["tasks", "visits", "me"]),
        "args": {
            "id": rng.choice([row["id"] for kind in records.values() for row in kind]),
            "person": rng.choice(people)["id"],
            **{name: rng.choice(TEXTS) for name in ("code", "saved")},
            **rng.choice(
                [{}, {"at": "checkpoint-0", "rounds": "round-0,round-1"}, {"code": "101"}]
            ),
            **{"result": rng.choice(PIN_RESULTS), "wait": rng.choice([0, 30_000, 90_000])},
            **{"who": rng.choice(["all", ""]), "other": rng.choice(["", "1"])},
            **{name: rng.choice(["", "1"]) for name in ("earlier", "exit", "firm", "unit")},
            "step": rng.choice(["", "seated", "complaint", "farewell", "done"]),
        },
        "other_phones": {
            "at": rng.choice(TIMES),
            "known": rng.random() < 0.7,
            "unheard": random_rows(rng, other_phone, 0, 3),
        },
        "sending": {
            "state": rng.choice(SYNC_STATES),
            **{name: rng.randint(0, 9) for name in ("count", "photos", "checks", "stale")},
            "since": rng.choice([*TIMES, None]),
            "refused": {"kind": rng.choice(TAPPED_KINDS), "about": rng.choice(["", *TEXTS])},
        },
        "phone": {"label": rng.choice(TEXTS), "full": rng.random() < 0.2},
        "pin": {name: rng.random() < 0.5 for name in ("open", "unknown", "must_change")},
        "revoked": rng.choice([None, {"at": rng.choice(TIMES), "lost": rng.random() < 0.5}]),
        "users": [person["id"] for person in people[: rng.randint(0, 2)]],
        "phone_people": people[: rng.randint(0, len(people))],
        "outbox": random_rows(rng, outbox_row, 0, 4),
        "checks": random_rows(rng, outbox_row, 0, 2),
        "drafts": random_rows(rng, draft, 0, 3),
        "saving": rng.choice([None, {"saved": rng.randint(1, 3), "files": 3}]),
        "toast": rng.choice(TEXTS),
        "tapped": {"kind": rng.choice(TAPPED_KINDS), "id": "op"},
    }


def other_phone(rng: Random) -> dict[str, Any]:
    return {"label": rng.choice(TEXTS), "clear_at": rng.choice([None, *TIMES])}


def random_rows(rng: Random, make: Any, least: int, most: int) -> list[dict[str, Any]]:
    return [make(rng) for _ in range(rng.randint(least, most))]


def label(rng: Random) -> dict[str, str]:
    return {"zh": rng.choice(TEXTS), "en": rng.choice(TEXTS)}


def random_row(rng: Random, type_: str, states: list[str], **fields: Any) -> dict[str, Any]:
    more = {"pending": True} if rng.random() < 0.2 else {}
    more |= {"problem": rng.choice(TEXTS)} if rng.random() < 0.2 else {}
    named = {"id": f"{type_}-{rng.randint(0, 3)}", "type": type_, "state": rng.choice(states)}
    return {**named, "until": rng.choice(TIMES), **fields, **more}


def random_times(rng: Random, *names: str) -> dict[str, str | None]:
    return {name: rng.choice([*TIMES, None]) for name in names}


def random_texts(rng: Random, *names: str) -> dict[str, str | None]:
    return {name: rng.choice([*TEXTS, None]) for name in names}


def photos(rng: Random) -> dict[str, Any]:
    return {"photos": ["a" * 64] * rng.randint(0, 3), "photos_here": rng.randint(0, 3)}


def task(rng: Random) -> dict[str, Any]:
    plain = random_texts(rng, "responsible", "done_by", "note", "skip_reason", "cancel_reason")
    names = {name: label(rng) for name in ("label", "area")}
    window = {"window_start": rng.choice(TIMES), "window_end": rng.choice(TIMES)}
    ids = {"code": "CL-01", "area_id": rng.choice("ab"), "responsible_id": rng.choice(["p", None])}
    window["cancelled_at"] = rng.choice(TIMES)
    extra = random_times(rng, "done_at", "received_at") | photos(rng) | window | ids | names | plain
    unit = {"unit": rng.choice([label(rng), None]), "needs_confirmation": rng.random() < 0.2}
    tick = {"at": rng.choice(TIMES), "by_id": rng.choice("pq"), "by": rng.choice(TEXTS)}
    items = {
        "items": random_rows(rng, label, 0, 2),
        "ticked": rng.choice([{}, {"0": tick}, {"0": False}]),
    }
    duty = {
        "standing": rng.random() < 0.2,
        "confirmed": rng.choice([[], [tick]]),
        "confirmed_by": [],
    }
    given = {"assigned_by_id": rng.choice([None, "p"]), "assigned_by": rng.choice([*TEXTS, None])}
    states = ["open", "partial", "done", "skipped", "cancelled"]
    return random_row(rng, "task", states, **extra, **unit, **items, **duty, **given)


def visit(rng: Random) -> dict[str, Any]:
    plain = random_texts(rng, "phone", "plate", "arrived_by", "departed_by")
    host = {"host_unit": "u", "host_unit_label": rng.choice([label(rng), None])}
    extra = (
        plain
        | host
        | photos(rng)
        | {"arrived_at": rng.choice(TIMES)}
        | random_times(rng, "departed_at")
    )
    more = {"purpose": rng.choice(["business", "family", "service", "other"]), "party_size": 2}
    return random_row(
        rng, "visit", ["inside", "departed"], visitor=rng.choice(TEXTS), **extra, **more
    )


def ticket(rng: Random) -> dict[str, Any]:
    plain = random_texts(
        rng, "contact", "declined_because", "details", "first_responder", "handler"
    )
    extra = plain | photos(rng) | {"opened_at": rng.choice(TIMES), "number": rng.randint(1, 99)}
    place = {"area": "a", "area_label": rng.choice([label(rng), None])}
    place |= {"unit_label": rng.choice([label(rng), None])}
    asked = {"asked_role": rng.choice([*ROLES, None]), "asked_trade": rng.choice(["locks", None])}
    more = {
        "matter": rng.choice(["business", "report"]),
        "urgency": rng.choice(["normal", "urgent"]),
    }
    ids = {"channel": "phone", "handler_id": "p", "first_responder_id": "p"}
    states = ["open", "handed_over"]
    return random_row(rng, "ticket", states, **extra, **place, **more, **ids, **asked)


def point(rng: Random) -> dict[str, Any]:
    ids = [*"abc", "checkpoint-0", "checkpoint-1"]
    return {"checkpoint": rng.choice(ids), "area_id": "a", "label": label(rng), "code": "101"}


def scan(rng: Random) -> dict[str, Any]:
    return {"at": rng.choice(TIMES), "by": rng.choice([*TEXTS, None]), "by_id": rng.choice("pq")}


def round_(rng: Random) -> dict[str, Any]:
    points = random_rows(rng, point, 0, 4)
    flags = rng.sample(["early", "late", "fast", "copied", "manual"], rng.randint(0, 3))
    seen = {id_: {**scan(rng), "flags": flags, "method": "qr"} for id_ in "ab"}
    parts = {name: rng.choice([{}, seen]) for name in ("scans", "fines")}
    skips = rng.choice([{}, {"c": {**scan(rng), "reason": rng.choice(TEXTS)}}])
    window = {"window_start": rng.choice(TIMES), "window_end": rng.choice(TIMES)}
    more = {"points": points, "skips": skips, "label": label(rng), "responsible_id": "p"}
    return random_row(rng, "round", ["open", "done"], **parts, **window, **more)


def outside_scan(rng: Random) -> dict[str, Any]:
    more = {
        "checkpoint": rng.choice("abc"),
        "label": label(rng),
        "moved_to": rng.choice([None, "r"]),
    }
    return random_row(rng, "scan", ["outside", "moved"], **scan(rng), **more)


def checkpoint(rng: Random) -> dict[str, Any]:
    return random_row(rng, "checkpoint", ["there"], label=label(rng), area_id="a", code="101")


def card(rng: Random) -> dict[str, Any]:
    fields = {"title": label(rng), "body": label(rng), "phrase": rng.choice([None, *TEXTS])}
    more = {"group": rng.choice(["etiquette", "cases"]), "order": rng.randint(0, 9)}
    more |= {"prompts": random_rows(rng, label, 0, 2), "approaches": [approach(rng, "A")]}
    return random_row(rng, "card", ["ready", "awaiting"], **fields, **more, code="PC-01", edition=1)


def shift(rng: Random) -> dict[str, Any]:
    times = random_times(rng, "closed_at", "handed_over_at", "taken_over_at")
    fields = {"person_id": "p", "opened_at": rng.choice(TIMES), "uniform": rng.random() < 0.5}
    more = {"items": rng.choice([{}, {"task:1": "x"}]), "open_items": rng.choice([{}, {"a": "b"}])}
    names = random_texts(rng, "person", "handed_to", "taken_over_by", "note") | {
        "handed_to_id": "p"
    }
    return random_row(
        rng, "shift", ["open", "handed_over", "closed"], **times, **fields, **more, **names
    )


def approach(rng: Random, key: str) -> dict[str, Any]:
    fields = {"label": label(rng), "why": label(rng)}
    return {"key": key, "endorsed": rng.random() < 0.5, **fields}


def session(rng: Random) -> dict[str, Any]:
    there = [f"person-{n}" for n in range(rng.randint(0, 3))]
    one = {"text": rng.choice(TEXTS), "approach": rng.choice(["A", "C", None]), "at": NOW}
    answers = {id_: rng.choice([{}, {"0": one}, {"0": one, "1": one}]) for id_ in there}
    fields = {"case": "card-1", "cards": ["cases:card-1"], "attendees": there, "answers": answers}
    signed = {id_: {"at": NOW, "refresh_on": "2027-11-24"} for id_ in there[:1]}
    more = {"prompts": rng.choice([[], TEXTS[:2]]), "approaches": [approach(rng, k) for k in "ABC"]}
    names = random_texts(rng, "facilitator", "summary") | {"facilitator_id": "p", "begun_at": NOW}
    return random_row(
        rng, "session", ["open", "closed"], acknowledged=signed, **fields, **more, **names
    )


def readiness(rng: Random) -> dict[str, Any]:
    fields = {"person": f"person-{rng.randint(0, 3)}", "item": rng.choice(["fees", "posts"])}
    days = {"refresh_on": rng.choice(["2026-01-01", "2027-11-24"]), "of_self": False}
    return random_row(rng, "readiness", ["attested"], **fields, **days)


def gate_pass(rng: Random) -> dict[str, Any]:
    fields = random_texts(rng, "what", "carrier", "agreed_by", "recorded_by", "passed_by", "note")
    at = {"recorded_at": rng.choice(TIMES), "quantity": rng.randint(1, 9), "visit": None}
    unit_ = {"unit": "u", "unit_label": rng.choice([label(rng), None])}
    more = random_times(rng, "passed_at") | photos(rng)
    return random_row(rng, "release", ["recorded", "passed"], **fields, **at, **unit_, **more)


def frequent_visitor(rng: Random) -> dict[str, Any]:
    fields = {"visitor": rng.choice(TEXTS), "purpose": "family", "times": rng.randint(2, 9)}
    return random_row(
        rng, "regular", ["known"], **fields, host_unit="u", plate=rng.choice([*TEXTS, None])
    )


def weather(rng: Random) -> dict[str, Any]:
    fields = {"sort": rng.choice(["rain", "snow"]), "areas": ["a"], "event": TODAY}
    who = {"reported_at": rng.choice(TIMES), "reported_by": rng.choice([*TEXTS, None])}
    return random_row(rng, "weather", ["reported"], **fields, **who)


def criterion(rng: Random) -> dict[str, Any]:
    fields = {"id": rng.choice("xyz"), "label": label(rng), "text": rng.choice([None, label(rng)])}
    return {**fields, "weight": rng.randint(1, 3), "critical": rng.random() < 0.5}


def checklist(rng: Random) -> dict[str, Any]:
    fields = {"label": label(rng), "about": rng.choice(["area", "person"]), "code": "IT-01"}
    kinds = {"area_kinds": rng.choice([[], ["floor"]]), "items": random_rows(rng, criterion, 0, 4)}
    return random_row(rng, "template", ["active", "empty"], **fields, **kinds, edition=1)


def inspection(rng: Random) -> dict[str, Any]:
    fields = {"template_id": "template-1", "inspected_at": rng.choice(TIMES), "assessor_id": "p"}
    more = {"score": rng.choice([None, 750]), "area_label": rng.choice([None, label(rng)])}
    return random_row(
        rng, "inspection", ["recorded"], **fields, **more, person_name=rng.choice(TEXTS)
    )


def rectification(rng: Random) -> dict[str, Any]:
    fields = {"label": label(rng), "due_at": rng.choice(TIMES), "critical": rng.random() < 0.5}
    names = random_texts(
        rng, "person_name", "responsible", "done_by", "verified_by", "finding", "note"
    )
    more = {"area_label": rng.choice([None, label(rng)]), "before": ["a" * 64], "after": []}
    ids = {"responsible_id": rng.choice(["p", None]), "done_by_id": rng.choice(["p", None])}
    at = random_times(rng, "done_at", "verified_at")
    states = ["open", "done", "verified"]
    return random_row(rng, "rectification", states, **fields, **names, **more, **ids, **at)


def home_entry(rng: Random) -> dict[str, Any]:
    fields = random_texts(
        rng, "who", "worker", "recorded_by", "second_person", "remarks", "struck_because"
    )
    ids = {"unit": "u", "contractor": rng.choice(["firm", None]), "recorded_by_id": "p"}
    purpose = rng.choice([*TEXTS, "repair", None])
    more = {"purpose": purpose, "resident_present": rng.choice([True, False, None])}
    state = rng.choice(["inside", "out", "struck", "joined"])
    at = {"recorded_at": rng.choice(TIMES)} | random_times(rng, "in_at", "out_at")
    if state == "inside":
        at["in_at"] = rng.choice(TIMES)
    links = {"ticket": rng.choice([None, "t"]), "visit": rng.choice([None, "v"])}
    whose = {"worker_id": rng.choice(["p", None]), "party": rng.choice([None, "p"])}
    more |= {"acknowledgement": rng.choice([None, "verbal"]), "afterwards": rng.random() < 0.3}
    return random_row(rng, "entry", [state], **fields, **ids, **more, **at, **whose, **links)


def timeline_entry(rng: Random) -> list[dict[str, Any]]:
    kinds = ["compile", "ask", "state", "offer_police", "to_police", "find", "return", "tell"]
    people = {"parties": {"p": rng.choice(TEXTS)}, "entries": {"e": rng.choice(TEXTS)}}
    fields = random_texts(
        rng, "by", "name", "said", "station", "officer", "receipt", "where", "to", "note"
    )
    lines = [
        {"at": rng.choice(TIMES), "party": rng.choice("pq"), **people, **fields, "kind": kind}
        for kind in rng.sample(kinds, rng.randint(0, 8))
    ]
    answers = ["yes", "no", "undecided"]
    return [{**line, "answer": rng.choice(answers), "declined": False} for line in lines]


def lost_property(rng: Random) -> dict[str, Any]:
    fields = random_texts(
        rng, "contact", "declined_because", "details", "first_responder", "next_action"
    )
    fields |= random_texts(rng, "last_seen_where", "contractor_name", "accountable")
    at = {"opened_at": rng.choice(TIMES), **random_times(rng, "next_action_at", "last_seen_at")}
    more = {"item": rng.choice(TEXTS), "unit": "u", "holds_personal_data": rng.random() < 0.5}
    states = ["reported", "compiled", "inquiry", "found", "returned", "police", "closed"]
    ended = {"outcome": rng.choice(["returned", "police", "informed", None])}
    lines = {"timeline": timeline_entry(rng), **photos(rng)}
    return random_row(rng, "lost", states, **fields, **at, **more, **ended, **lines)


def found_item(rng: Random) -> dict[str, Any]:
    fields = random_texts(rng, "condition", "finder", "found_by", "ended_with", "receipt")
    link = {"at": rng.choice(TIMES), **random_texts(rng, "by", "keeper", "place", "told_whom")}
    chains = {"chain": rng.choice([[], [link]]), "notices": rng.choice([[], [link]])}
    at = {"found_at": rng.choice(TIMES), **random_times(rng, "ended_at")}
    states = ["kept", "notified", "returned", "police"]
    more = {"what": rng.choice(TEXTS), "area": "a", **photos(rng)}
    return random_row(rng, "find", states, **fields, **chains, **at, **more)


def category(rng: Random) -> dict[str, Any]:
    subs = [{"code": "1a", "label": label(rng)}] * rng.randint(0, 2)
    fields = {"code": "AC-1", "label": label(rng), "text": label(rng), "subs": subs}
    read = {"acknowledged": rng.choice([{}, {"person-1": rng.choice(TIMES)}])}
    return random_row(rng, "category", ["active", "inactive"], **fields, **read)


def case(rng: Random) -> dict[str, Any]:
    codes = ["missed", "skipped", "late_phone", "told_for"]
    facts = [{"code": one, "at": rng.choice(TIMES), "text": rng.choice(TEXTS)} for one in codes]
    fields = {"at": rng.choice(TIMES), "answer": rng.choice(["stated", "declined"]), "text": "x"}
    appeals = rng.choice([[], [{"at": rng.choice(TIMES), "text": rng.choice(TEXTS)}]])
    more = {"code": "AC-1", "label": label(rng), "sub_label": rng.choice([None, label(rng)])}
    more |= {"facts": facts, "statements": rng.choice([[], [fields]]), "appeals": appeals}
    at = random_times(rng, "answer_until", "decided_at", "stated_at", "asked_at")
    at |= {"appealed_at": rng.choice(TIMES)}
    found = {"finding": rng.choice(["responsible", "partly", None]), "measures": rng.choice(TEXTS)}
    states = ["asked", "stated", "declined", "decided", "acknowledged", "appealed"]
    ids = {"answers_id": f"person-{rng.randint(0, 3)}", "decided_by": rng.choice([*TEXTS, None])}
    return random_row(rng, "case", states, **more, **at, **found, **ids)


def area(rng: Random) -> dict[str, Any]:
    extra = {"kind": "floor", "parent_id": None, "ordinal": rng.randint(0, 9), "code": "A"}
    return random_row(rng, "area", ["open"], label=label(rng), **extra)


def unit(rng: Random) -> dict[str, Any]:
    return random_row(
        rng, "unit", ["open"], label=label(rng), area_id="a", occupied=rng.random() < 0.5
    )


def person(rng: Random) -> dict[str, Any]:
    roles = rng.sample(ROLES, rng.randint(1, 3))
    work = {"trades": rng.choice([[], ["locks"]]), "contractor_id": rng.choice(["f", None])}
    names = {"name": rng.choice(TEXTS), "roles": roles}
    return random_row(rng, "person", ["active"], **names, **work, active=True)


def contractor(rng: Random) -> dict[str, Any]:
    fields = {"name": rng.choice(TEXTS), "service": rng.choice(TEXTS), "accountable_id": "p"}
    more = {"accountable": rng.choice([*TEXTS, None])} | random_times(rng, "ended_at")
    return random_row(rng, "contractor", ["active", "ended"], **fields, **more)


def arrears(rng: Random) -> dict[str, Any]:
    owes = [{"what": rng.choice(TEXTS), "period": "2026-10", "cents": rng.randint(1, 9**9)}]
    call = {"at": rng.choice(TIMES), "by": rng.choice(TEXTS), "outcome": "reached", "told": {}}
    lists = {"lines": owes, "calls": rng.choice([[], [call]]), "paused_by": rng.choice([[], ["t"]])}
    hours = {"windows": rng.choice([[], ["09:00-11:30"]]), "do_not_call": rng.random() < 0.3}
    at = random_times(rng, "appointment_at", "visit_approved_at", "visited_at", "visit_asked_at")
    more = {"paid_cents": rng.randint(0, 99), "visit_reason": rng.choice([None, *TEXTS])}
    ids = {"unit": "u", "unit_label": rng.choice([label(rng), None]), "collector_id": "p"}
    more |= {"visit_asked_by_id": rng.choice("pq"), "stated": {owes[0]["what"]: owes[0]["cents"]}}
    return random_row(rng, "arrears", ["listed", "called"], **lists, **hours, **at, **more, **ids)


def outbox_row(rng: Random) -> dict[str, Any]:
    kinds = ["task.complete", "task.undo", "visit.arrive", "ticket.open", "photo.attach"]
    fields = {"state": rng.choice(["unsent", "answered", "deferred"]), "code": None}
    fields |= {name: rng.random() < 0.3 for name in ("refused", "again", "confirm")}
    fields |= {name: rng.choice(["", *TEXTS]) for name in ("about", "texts", "page")}
    return {"id": "op", "kind": rng.choice(kinds), "at": rng.choice(TIMES), **fields}


def draft(rng: Random) -> dict[str, Any]:
    texts = {name: rng.choice(["", *TEXTS]) for name in ("about", "texts")}
    fields = {"since": rng.choice(TIMES), "discarded": rng.choice([None, *TIMES])}
    fields |= {"photos": rng.randint(0, 2), "page": "tickets"}
    return {"token": "t", "kind": rng.choice(["ticket.open", "visit.arrive"]), **texts, **fields}


BUILDERS = {
    "task": task,
    "visit": visit,
    "ticket": ticket,
    "area": area,
    "unit": unit,
    "person": person,
    "arrears": arrears,
    "contractor": contractor,
    "round": round_,
    "checkpoint": checkpoint,
    "scan": outside_scan,
    "card": card,
    "shift": shift,
    "session": session,
    "readiness": readiness,
    "release": gate_pass,
    "regular": frequent_visitor,
    "weather": weather,
    "template": checklist,
    "inspection": inspection,
    "rectification": rectification,
    "entry": home_entry,
    "lost": lost_property,
    "find": found_item,
    "category": category,
    "case": case,
}
