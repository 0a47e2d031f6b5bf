"""One history: people tap, phones talk, and everything that can go wrong does; then it is quiet."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from random import Random
from typing import Any

from tests.sim.credential_model import KeyOwner, make_signature
from tests.sim.invariants import InvariantViolation, check_all
from tests.sim.phone_model import PhoneModel
from tests.sim.scenario import (
    ANA,
    BEN,
    CHU,
    DAY,
    EVE,
    GUEST,
    LEAK,
    MINUTE,
    NEWCOMER,
    PLANNED_OPS,
    START,
    STEP_NAMES,
    SUPERVISOR,
    THEMES,
    fixed_id,
)
from tests.sim.server_model import Request, ServerModel
from tests.sim.simulated_network import SimulatedNetwork

STEP_COUNT = 26
SETTLE_ROUNDS = 12
SEEDED_SERVERS: dict[type[ServerModel], ServerModel] = {}


class Simulation(SimulatedNetwork):
    """Drawn from a seed; the parts may be mutants."""

    def __init__(
        self,
        seed: int,
        central: type[ServerModel],
        phone: type[PhoneModel],
        theme: str | None = None,
    ) -> None:
        self.rng = Random(seed)
        self.step_weights, self.op_weights, self.faults = THEMES[
            theme or self.rng.choice(list(THEMES))
        ]
        self.phone_class = phone
        self.counter = 0
        self.now = START + 600 * MINUTE
        if central not in SEEDED_SERVERS:
            SEEDED_SERVERS[central] = central()
        self.server = SEEDED_SERVERS[central].copy()
        if self.rng.random() < 0.5:
            self.server.submit(*SUPERVISOR, START)
        self.created_ops: dict[str, Any] = {}
        self.destroyed_ops: set[str] = set()
        self.purged: set[str] = set()
        self.visits: list[str] = [GUEST]
        self.verdicts: dict[tuple[int, str], str] = {}
        self.received_positions: dict[str, set[int]] = {}
        self.refused: set[str] = set()
        self.delayed_requests: list[Request] = []
        self.open_transactions: list[Any] = []
        self.backup: tuple[ServerModel, dict[str, set[int]], set[KeyOwner]] | None = None
        self.usable_keys: set[KeyOwner] = set()
        self.signed_by: dict[str, KeyOwner] = {}
        self.pending_requests: dict[tuple[PhoneModel, str], tuple[Any, Any]] = {}
        self.corrupted_count = self.request_count = 0
        self.phones = [self.enrol_phone() for _ in range(self.rng.choice((2, 2, 3)))]
        self.saved_profiles = {phone: phone.copy() for phone in self.phones}

    def new_id(self, space: int = 4) -> str:
        self.counter += 1
        return fixed_id(space, self.counter)

    def enrol_phone(self) -> PhoneModel:
        """A new phone, or one that was wiped: another device, another lineage."""
        skew = self.rng.choice((0, 0, 0, 3, -7, 90)) * MINUTE
        phone = self.phone_class(self.new_id(5), self.new_id, skew)
        phone.now = self.now
        for person in (ANA, BEN, CHU):
            if self.rng.random() < 0.7:
                self.unlock(phone, person)
        return phone

    def run(self) -> None:
        """Trouble, then quiet."""
        for name in self.rng.choices(STEP_NAMES, cum_weights=self.step_weights, k=STEP_COUNT):
            self.now += self.rng.randrange(1, 9) * MINUTE
            getattr(self, name)()
        self.settle()

    def some_phone(self) -> PhoneModel:
        phone = self.rng.choice(self.phones)
        phone.now = self.now
        return phone

    # --- what people do ---

    def create_op(self, phone: PhoneModel | None = None) -> None:
        phone = phone or self.some_phone()
        draft = self.rng.choices(PLANNED_OPS, cum_weights=self.op_weights)[0]
        subject = draft.subject
        if draft.creates:
            subject = self.new_id(6)
            self.visits.append(subject)
        elif subject is None:
            subject = self.rng.choice(self.visits)
            here = any(row.op["subject"] == subject for row in phone.ops.values())
            if subject not in phone.records and not here:
                return
        elif draft.with_base and subject not in phone.records:
            return
        id_, by = self.new_id(7), self.rng.choice((ANA, ANA, BEN, CHU))
        phone.add_op(draft, id_, subject, by)
        if by in phone.keys:
            self.signed_by[id_] = KeyOwner(phone.device, by, phone.keys[by])
        if draft.corruption == "damage":
            row = phone.ops[id_]
            row.op["payload"] = {"note": "y"}
        phone.expected_ops |= {id_}
        self.created_ops[id_] = (draft, subject)

    def unlock(self, phone: PhoneModel | None = None, person: str | None = None) -> None:
        """Somebody types their PIN, with a key of the phone's or a new one."""
        phone, person = phone or self.some_phone(), person or self.rng.choice((ANA, BEN, CHU))
        is_here = person in self.server.roles and person not in self.server.left
        if is_here and phone.device not in self.server.revoked:
            key = phone.keys.get(person) or self.new_id(8)
            self.usable_keys.add(KeyOwner(phone.device, person, key))
            self.server.unlock(phone.device, person, key, self.now)
            phone.unlock(person, key)

    def revoke_key(self) -> None:
        phone = self.some_phone()
        if phone.keys:
            self.revoke_keys(device=phone.device, person=self.rng.choice(list(phone.keys)))

    def revoke_keys(self, **of: str) -> None:
        """Keys prove nothing any more; the phone goes on signing with them."""

        def fits(owner: KeyOwner) -> bool:
            return all(getattr(owner, name) == value for name, value in of.items())

        self.server.revoke_keys(fits)
        self.usable_keys = {owner for owner in self.usable_keys if not fits(owner)}

    def forge(self) -> None:
        """Somebody writes another name under what they did, and a signature of their own, or one
        that its owner has made for something else."""
        phone = self.some_phone()
        by, id_ = self.rng.choice((ANA, BEN, CHU)), self.new_id(7)
        draft = self.rng.choice((PLANNED_OPS[0], PLANNED_OPS[4]))
        if draft.with_base and draft.subject not in phone.records:
            return
        keys = [key for person, key in phone.keys.items() if person != by]
        others = [row.op["sig"] for row in phone.ops.values() if row.op.get("sig")]
        key = self.rng.choice([*keys, self.new_id(8)])
        content = {"id": id_, "kind": draft.kind, "by": by}
        forged = self.rng.choice([make_signature(key, content), *others[-1:]])
        draft = replace(draft, corruption="forged")
        phone.add_op(draft, id_, draft.subject or "", by, forged=forged)
        if self.rng.random() < 0.5:
            row = phone.ops[id_]
            row.op["sig"] = make_signature(key, row.op)
        phone.expected_ops |= {id_}
        self.created_ops[id_] = (draft, draft.subject)

    def steal_lineage(self) -> None:
        """A phone goes on in the chain of another one."""
        thief, victim = self.some_phone(), self.some_phone()
        if thief.device != victim.device:
            thief.lineage, thief.n, thief.hash = victim.lineage, victim.n, victim.hash
            self.create_op(thief)

    def act_at_desk(self) -> None:
        said = self.rng.choice(("From the desk", "A leak", "Asked again"))
        self.server.submit("ticket.amend", LEAK, {"details": said}, self.now)

    def deactivate_person(self) -> None:
        who = self.rng.choice((ANA, CHU, BEN))
        if who in self.server.roles and who not in self.server.left:
            self.server.submit("person.leave", who, {}, self.now)
            self.revoke_keys(person=who)

    def add_person(self) -> None:
        if EVE not in self.server.roles:
            self.server.submit(*NEWCOMER, self.now)

    def purge(self) -> None:
        known = [id_ for id_ in self.visits if id_ in self.server.rows]
        if known:
            self.server.submit("visit.purge", known[0], {}, self.now)
            self.purged.add(known[0])

    def revoke(self) -> None:
        device = self.some_phone().device
        self.server.revoked |= {device}
        self.revoke_keys(device=device)

    def upgrade(self) -> None:
        self.server.upgrade()

    def compact(self) -> None:
        self.server.compact()

    def close_month(self) -> None:
        self.now += 31 * DAY

    # --- what breaks ---

    def save_profile(self) -> None:
        phone = self.some_phone()
        self.saved_profiles[phone] = phone.copy()

    def refuse_op(self) -> None:
        """A proxy on the way fails at one op, for whatever reason."""
        waiting = self.some_phone().unsent()
        if waiting:
            self.refused.add(self.rng.choice(waiting).id)

    def roll_back(self) -> None:
        """The browser's profile is put back: what was done since is gone, unless it was sent.

        People notice nothing, and work on; some put it on another phone as well.
        """
        phone = self.some_phone()
        if phone in self.saved_profiles:
            saved = self.saved_profiles.pop(phone)
            other = saved.copy()
            other.now = self.now
            self.saved_profiles[other] = saved
            self.replace_phone(phone, other)
            self.create_op(other)
            if self.rng.random() < 0.5:
                self.clone(other)

    def clone(self, phone: PhoneModel | None = None) -> None:
        if len(self.phones) < 4:
            phone = phone or self.some_phone()
            self.phones.append(phone.copy())
            self.create_op(phone)

    def wipe(self) -> None:
        self.replace_phone(self.some_phone(), self.enrol_phone())

    def lose_newest_ops(self) -> None:
        """The newest ops are gone, the counter is not."""
        phone = self.some_phone()
        for row in phone.unsent()[-self.rng.randrange(1, 3) :]:
            del phone.ops[row.id]
            phone.expected_ops -= {row.id}
            self.mark_destroyed([row.id])

    def corrupt_record(self) -> None:
        """The browser loses a record."""
        phone = self.some_phone()
        if phone.records:
            del phone.records[self.rng.choice(list(phone.records))]
            self.corrupted_count += 1

    def replace_phone(self, phone: PhoneModel, other: PhoneModel) -> None:
        self.phones[self.phones.index(phone)] = other
        self.kill_browser(phone)
        self.mark_destroyed(phone.expected_ops - other.expected_ops)

    def kill_browser(self, phone: PhoneModel) -> None:
        """The browser ends: whatever it was about to do is not done."""
        for channel in ("send", "pull"):
            self.pending_requests.pop((phone, channel), None)

    def mark_destroyed(self, ids: Iterable[str]) -> None:
        """Physically destroyed everywhere: nobody can be blamed for it."""
        for id_ in ids:
            if id_ not in self.server.log and not any(id_ in p.expected_ops for p in self.phones):
                self.destroyed_ops.add(id_)

    def take_backup(self) -> None:
        """What came in until now is safe; that is noted after the copy was made."""
        positions, keys = deepcopy(self.received_positions), set(self.usable_keys)
        self.backup = self.server.copy(), positions, keys
        self.server.watermark = self.now

    def restore(self) -> None:
        if self.backup is None:
            return
        before, self.open_transactions = self.server, []
        self.server = self.server.restore_from(self.backup[0])
        self.received_positions = deepcopy(self.backup[1])
        self.usable_keys = set(self.backup[2])
        self.mark_destroyed(before.log.keys() - self.server.log.keys())

    # --- and then it is quiet ---

    def settle(self) -> None:
        """No more trouble: phones talk until there is nothing to say, and everything is counted."""
        self.faults_disabled = True
        self.pending_requests.clear()
        self.refused.clear()
        self.upgrade()
        while self.delayed_requests or self.open_transactions:
            self.deliver_delayed()
        for number in range(SETTLE_ROUNDS):
            if number == 1:
                self.unlock_again()
            before = self.request_count, self.server.head
            for phone in self.phones:
                phone.now = self.now = self.now + MINUTE
                self.resume(phone, "send", phone.send(), None)
                self.resume(phone, "pull", phone.pull(), None)
            if number > 1 and (self.request_count, self.server.head) == before:
                return check_all(self)
        raise InvariantViolation("phones and server never come to rest")

    def unlock_again(self) -> None:
        """Everybody types their PIN once more whose key a restored server does not know."""
        for phone in self.phones:
            phone.now = self.now
            for person, key in list(phone.keys.items()):
                if KeyOwner(phone.device, person, key) not in self.server.credentials:
                    self.unlock(phone, person)

    def check_pruned(self, phone: PhoneModel) -> None:
        """What a phone dropped was in a backup, or was purged; else it should still be there."""
        if self.backup and len(phone.ops) < len(phone.expected_ops):
            phone.expected_ops -= phone.expected_ops - phone.ops.keys() & self.backup[0].log.keys()
