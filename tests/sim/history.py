"""One history: people tap, phones talk, and everything that can go wrong does; then it is quiet."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from random import Random
from typing import Any

from tests.sim.central import Central, Request
from tests.sim.network import Network
from tests.sim.phone import Phone
from tests.sim.reckoning import Broken, reckon
from tests.sim.world import (
    ANA,
    BEN,
    CHU,
    DAY,
    DRAFTS,
    EVE,
    GUEST,
    LEAK,
    MINUTE,
    NAMES,
    NEWCOMER,
    START,
    SUPERVISOR,
    THEMES,
    ident,
)

STEPS = 26
ROUNDS = 12
FOUNDED: dict[type[Central], Central] = {}


class History(Network):
    """Drawn from a seed; the parts may be mutants."""

    def __init__(
        self, seed: int, central: type[Central], phone: type[Phone], theme: str | None = None
    ) -> None:
        self.dice = Random(seed)
        self.acts, self.taps, self.faults = THEMES[theme or self.dice.choice(list(THEMES))]
        self.make_phone = phone
        self.counter = 0
        self.now = START + 600 * MINUTE
        if central not in FOUNDED:
            FOUNDED[central] = central()
        self.central = FOUNDED[central].copy()
        if self.dice.random() < 0.5:
            self.central.post(*SUPERVISOR, START)
        self.made: dict[str, Any] = {}
        self.excused: set[str] = set()
        self.purged: set[str] = set()
        self.visits: list[str] = [GUEST]
        self.verdicts: dict[tuple[int, str], str] = {}
        self.arrived: dict[str, set[int]] = {}
        self.refused: set[str] = set()
        self.late: list[Request] = []
        self.open: list[Any] = []
        self.backup: tuple[Central, dict[str, set[int]]] | None = None
        self.talks: dict[tuple[Phone, str], tuple[Any, Any]] = {}
        self.rotten = self.said = 0
        self.phones = [self.enrolled() for _ in range(self.dice.choice((2, 2, 3)))]
        self.saved = {phone: phone.copy() for phone in self.phones}

    def name(self, space: int = 4) -> str:
        self.counter += 1
        return ident(space, self.counter)

    def enrolled(self) -> Phone:
        """A new phone, or one that was wiped: another device, another lineage."""
        skew = self.dice.choice((0, 0, 0, 3, -7, 90)) * MINUTE
        return self.make_phone(self.name(5), self.name, skew)

    def run(self) -> None:
        """Trouble, then quiet."""
        for name in self.dice.choices(NAMES, cum_weights=self.acts, k=STEPS):
            self.now += self.dice.randrange(1, 9) * MINUTE
            getattr(self, name)()
        self.quiet()

    def some_phone(self) -> Phone:
        phone = self.dice.choice(self.phones)
        phone.now = self.now
        return phone

    # --- what people do ---

    def tap(self, phone: Phone | None = None) -> None:
        phone = phone or self.some_phone()
        draft = self.dice.choices(DRAFTS, cum_weights=self.taps)[0]
        subject = draft.subject
        if draft.creates:
            subject = self.name(6)
            self.visits.append(subject)
        elif subject is None:
            subject = self.dice.choice(self.visits)
            here = any(row.op["subject"] == subject for row in phone.ops.values())
            if subject not in phone.records and not here:
                return
        elif draft.seen and subject not in phone.records:
            return
        id_, by = self.name(7), self.dice.choice((ANA, ANA, BEN, CHU))
        phone.put(draft, id_, subject, by)
        if draft.spoilt == "damage":
            row = phone.ops[id_]
            row.op["payload"] = {"note": "y"}
        phone.should |= {id_}
        self.made[id_] = (draft, subject)

    def desk(self) -> None:
        said = self.dice.choice(("From the desk", "A leak", "Asked again"))
        self.central.post("ticket.amend", LEAK, {"details": said}, self.now)

    def someone_leaves(self) -> None:
        who = self.dice.choice((ANA, CHU, BEN))
        if who in self.central.roles and who not in self.central.left:
            self.central.post("person.leave", who, {}, self.now)

    def someone_comes(self) -> None:
        if EVE not in self.central.roles:
            self.central.post(*NEWCOMER, self.now)

    def purge(self) -> None:
        known = [id_ for id_ in self.visits if id_ in self.central.rows]
        if known:
            self.central.post("visit.purge", known[0], {}, self.now)
            self.purged.add(known[0])

    def revoke(self) -> None:
        self.central.cut_off |= {self.some_phone().device}

    def upgrade(self) -> None:
        self.central.upgrade()

    def compact(self) -> None:
        self.central.compact()

    def month(self) -> None:
        self.now += 31 * DAY

    # --- what breaks ---

    def save(self) -> None:
        phone = self.some_phone()
        self.saved[phone] = phone.copy()

    def refuse(self) -> None:
        """A proxy on the way fails at one op, for whatever reason."""
        waiting = self.some_phone().unsent()
        if waiting:
            self.refused.add(self.dice.choice(waiting).id)

    def roll_back(self) -> None:
        """The browser's profile is put back: what was done since is gone, unless it was sent.

        People notice nothing, and work on; some put it on another phone as well.
        """
        phone = self.some_phone()
        if phone in self.saved:
            saved = self.saved.pop(phone)
            other = saved.copy()
            other.now = self.now
            self.saved[other] = saved
            self.replace(phone, other)
            self.tap(other)
            if self.dice.random() < 0.5:
                self.clone(other)

    def clone(self, phone: Phone | None = None) -> None:
        if len(self.phones) < 4:
            phone = phone or self.some_phone()
            self.phones.append(phone.copy())
            self.tap(phone)

    def wipe(self) -> None:
        self.replace(self.some_phone(), self.enrolled())

    def lose_tail(self) -> None:
        """The newest ops are gone, the counter is not."""
        phone = self.some_phone()
        for row in phone.unsent()[-self.dice.randrange(1, 3) :]:
            del phone.ops[row.id]
            phone.should -= {row.id}
            self.excuse([row.id])

    def rot(self) -> None:
        """The browser loses a record."""
        phone = self.some_phone()
        if phone.records:
            del phone.records[self.dice.choice(list(phone.records))]
            self.rotten += 1

    def replace(self, phone: Phone, other: Phone) -> None:
        self.phones[self.phones.index(phone)] = other
        self.kill(phone)
        self.excuse(phone.should - other.should)

    def kill(self, phone: Phone) -> None:
        """The browser ends: whatever it was about to do is not done."""
        for channel in ("send", "pull"):
            self.talks.pop((phone, channel), None)

    def excuse(self, ids: Iterable[str]) -> None:
        """Physically destroyed everywhere: nobody can be blamed for it."""
        for id_ in ids:
            if id_ not in self.central.log and not any(id_ in p.should for p in self.phones):
                self.excused.add(id_)

    def back_up(self) -> None:
        """What came in until now is safe; that is noted after the copy was made."""
        self.backup = self.central.copy(), deepcopy(self.arrived)
        self.central.watermark = self.now

    def restore(self) -> None:
        if self.backup is None:
            return
        before, self.open = self.central, []
        self.central = self.central.restored(self.backup[0])
        self.arrived = deepcopy(self.backup[1])
        self.excuse(before.log.keys() - self.central.log.keys())

    # --- and then it is quiet ---

    def quiet(self) -> None:
        """No more trouble: phones talk until there is nothing to say, and everything is counted."""
        self.calm = True
        self.talks.clear()
        self.refused.clear()
        self.upgrade()
        while self.late or self.open:
            self.late_arrives()
        for _ in range(ROUNDS):
            before = self.said, self.central.head
            for phone in self.phones:
                phone.now = self.now = self.now + MINUTE
                self.go_on(phone, "send", phone.send(), None)
                self.go_on(phone, "pull", phone.pull(), None)
            if (self.said, self.central.head) == before:
                return reckon(self)
        raise Broken("phones and server never come to rest")

    def let_go(self, phone: Phone) -> None:
        """What a phone dropped was in a backup, or was purged; else it should still be there."""
        if self.backup and len(phone.ops) < len(phone.should):
            phone.should -= phone.should - phone.ops.keys() & self.backup[0].log.keys()
