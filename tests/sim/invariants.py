"""After quiet everything is counted: where each op is, what it did, and what everybody sees."""

from __future__ import annotations

from typing import Any

from sync import KINDS, RECORD_TYPES, to_history_entry
from tests.sim.server_model import AWAITS_PROOF

APPLIED_STATUSES = ("applied", "merged")


class InvariantViolation(AssertionError):
    """An invariant does not hold."""


def check_all(history: Any) -> None:
    """Every invariant, one after the other."""
    for look in INVARIANTS:
        look(history)


def no_op_is_lost(history: Any) -> None:
    """Each op that was made is in the log, unless every copy of it was physically destroyed."""
    here = history.server.log.keys() | {row["called"] for row in history.server.log.values()}
    for id_, (_, subject) in history.created_ops.items():
        if id_ not in here and id_ not in history.destroyed_ops and subject not in history.purged:
            raise InvariantViolation(f"lost: {history.created_ops[id_][0].kind}")


def outboxes_are_empty(history: Any) -> None:
    """Nothing waits on a phone any more."""
    for phone in history.phones:
        if any(row.state != "answered" for row in phone.ops.values()):
            raise InvariantViolation("something is left in an outbox")


def no_op_waits_forever(history: Any) -> None:
    """No op waits for one that is judged, or for a version that is there while a phone has it."""
    log = history.server.log
    offered = frozenset().union(*(phone.expected_ops for phone in history.phones))
    for row in log.values():
        if row["status"] == "deferred" and row["called"] in offered:
            raise InvariantViolation("deferred for ever")
        before = log.get(row["after"], row)
        if row["status"] == "waiting" and before["status"] not in ("waiting", "deferred"):
            raise InvariantViolation("waits for an op that is here")


def only_corrupt_ops_are_quarantined(history: Any) -> None:
    """Nobody's sound work is quarantined, unless the record that it is about never came.

    After a restore a phone may be quicker with what it did than the one that made the record:
    that is kept for the desk.
    """
    if history.server.epoch > 1:
        return
    begun = {
        row["subject"]
        for row in history.server.log.values()
        if KINDS[row["kind"]].creates and row["status"] in APPLIED_STATUSES
    }
    for row in history.server.log.values():
        draft, subject = history.created_ops.get(row["called"], (None, None))
        if row["status"] == "quarantined" and draft and not draft.corruption and subject in begun:
            raise InvariantViolation(f"sound work is quarantined: {row['kind']} {row['code']}")


def phone_verdicts_match_server(history: Any) -> None:
    """What a phone shows of an op is what the log says of it.

    Of one that was damaged the log may have both: as it came, and as a fork sealed it anew.
    """
    log: dict[str, set[str]] = {}
    for row in history.server.log.values():
        log.setdefault(row["called"], {"waiting"}).add(row["status"])
    for phone in history.phones:
        for row in phone.ops.values():
            if row.id not in log or row.verdict is None:
                raise InvariantViolation(
                    "a phone takes an op for answered that the server does not have"
                )
            if row.verdict.get("code") in AWAITS_PROOF:
                continue  # a copy of this phone may have brought the key
            if row.verdict["status"] not in log[row.id]:
                raise InvariantViolation(
                    f"a phone shows {row.verdict['status']} for what is something else"
                )


def phones_match_feed(history: Any) -> None:
    """Each phone has what it may see, as it is now, and nothing else."""
    server = history.server
    for phone in history.phones:
        seen = server.audience_of(phone.device)
        feed = {id_: (r.version, r.body) for id_, r in server.rows.items() if r.audience & seen}
        shown = {id_: (row.version, row.body) for id_, row in phone.records.items()}
        if shown.keys() - feed.keys():
            raise InvariantViolation("a phone holds a record that it may not see")
        if shown != feed or phone.digest() != server.digest(seen):
            raise InvariantViolation("a phone shows something else than the server")
        if phone.repair_count and not history.corrupted_count:
            raise InvariantViolation("a feed had to be mended that nobody had damaged")


def facts_apply_once(history: Any) -> None:
    """As many effects as there are ops that stand, each once."""
    effects: dict[str, list[str]] = {}
    for row in history.server.log.values():
        if row["status"] in APPLIED_STATUSES:
            effects.setdefault(row["subject"], []).append(row["id"])
    for id_, held in history.server.loaded.items():
        if held.type == "merge":
            continue
        counted = [one.id for one in held.history]
        if sorted(counted) != sorted(effects.get(id_, [])):
            raise InvariantViolation("the effects of a record are not its ops")
        if held.version != len(counted):
            raise InvariantViolation("a record has another version than it has effects")


def records_are_folds(history: Any) -> None:
    """Facts add up in the order of their times, decisions in the order of the log."""
    by_subject: dict[str, list[dict[str, Any]]] = {}
    for row in history.server.log.values():
        if row["status"] in APPLIED_STATUSES:
            by_subject.setdefault(row["subject"], []).append(row)
    for id_, rows in by_subject.items():
        held, facts, fields = history.server.loaded[id_], [], {}
        for row in sorted(rows, key=_is_applied):
            fields.update(row["changes"])
            if KINDS[row["kind"]].fact:
                facts.append(to_history_entry(history.server.make_op(row)))
        facts.sort(key=_fold_order)
        fields |= RECORD_TYPES[held.type].fold(held.row, facts) if facts else {}
        if any(getattr(held.row, name) != value for name, value in fields.items()):
            raise InvariantViolation("a record is not the fold of its log")


def unseen_values_are_contested(history: Any) -> None:
    """A decision never replaces a value that its author had not seen, but contests it."""
    for row in history.server.log.values():
        if row["base"] is None or row["status"] not in APPLIED_STATUSES:
            continue
        earlier = {}
        for one in history.server.loaded[row["subject"]].history:
            if one.version < row["version"]:
                earlier.update({name: (one.version, said) for name, said in one.changes.items()})
        for name, (version, said) in earlier.items():
            if version > row["base"] and row["changes"].get(name, said) != said:
                raise InvariantViolation("a change was overwritten that its author had not seen")


def gaps_match_missing_ops(history: Any) -> None:
    """The gaps of a chain are the places of which nothing came; what came is not lost."""
    for lineage, chain in history.server.chains.items():
        came = history.received_positions.get(lineage, set())
        holes = {n for first, last in chain.gaps for n in range(first, last + 1)}
        if chain.upto != max(came, default=0) or holes != set(range(1, chain.upto + 1)) - came:
            raise InvariantViolation("the gaps are not what never came")
        if any(first <= n <= last for first, last in chain.lost for n in came):
            raise InvariantViolation("what came is said to be lost")


def ops_of_leavers_are_quarantined(history: Any) -> None:
    """What somebody does after leaving is kept aside."""
    server = history.server
    for row in server.log.values():
        left = server.left.get(row["by"])
        if (
            left
            and row["status"] in APPLIED_STATUSES
            and row["occurred_at"] >= left < row["received_at"]
        ):
            raise InvariantViolation("work of somebody who had left stands")


def only_owners_of_keys_prove(history: Any) -> None:
    """What counts as proven was signed by its author on that phone, and by nobody else."""
    for row in history.server.log.values():
        owner = history.signed_by.get(row["called"])
        if row.get("proof") and (owner is None or owner[:2] != (row["device"], row["by"])):
            raise InvariantViolation("a forgery counts as proven")


def proven_work_is_judged(history: Any) -> None:
    """What was signed with a key that the server knows does not wait for a proof."""
    for row in history.server.log.values():
        owner = history.signed_by.get(row["called"])
        is_known = owner in history.usable_keys and owner[0] == row["device"]
        is_as_signed = is_known and not history.created_ops[row["called"]][0].corruption
        if row["code"] in AWAITS_PROOF and is_as_signed:
            raise InvariantViolation(f"signed work waits for ever: {row['code']}")


def lineages_belong_to_one_phone(history: Any) -> None:
    """All ops of a chain came from one phone."""
    devices: dict[str, set[str]] = {}
    for row in history.server.log.values():
        devices.setdefault(row["lineage"], set()).add(row["device"])
    if any(len(of) > 1 for of in devices.values()):
        raise InvariantViolation("two phones write one chain")


def _is_applied(row: dict[str, Any]) -> int:
    return int(row["place"])


def _fold_order(one: Any) -> tuple[Any, str]:
    return one.occurred_at, one.id


INVARIANTS = (
    no_op_is_lost,
    outboxes_are_empty,
    no_op_waits_forever,
    only_corrupt_ops_are_quarantined,
    phone_verdicts_match_server,
    phones_match_feed,
    facts_apply_once,
    records_are_folds,
    unseen_values_are_contested,
    gaps_match_missing_ops,
    ops_of_leavers_are_quarantined,
    only_owners_of_keys_prove,
    proven_work_is_judged,
    lineages_belong_to_one_phone,
)
