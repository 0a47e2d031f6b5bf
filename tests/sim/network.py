"""What lies between phones and server: requests and answers are lost, doubled, late, cut short."""

from __future__ import annotations

from bisect import bisect
from random import Random
from typing import Any

from tests.sim.central import Central, Request, read
from tests.sim.phone import Endless, Phone, Unanswered
from tests.sim.reckoning import Broken

FAULTS = ("none", "lost", "reply lost", "copied", "crash", "busy", "slow", "slow reply", "open")
LATER = {"slow", "slow reply", "open"}
KILLED = 0.04
"""How often a browser ends between two of its transactions."""


class Network:
    """Brings what phones say to the server, and back; the mother of History."""

    dice: Random
    now: Any
    central: Central
    phones: list[Phone]
    talks: dict[tuple[Phone, str], tuple[Any, Any]]
    late: list[Request]
    open: list[list[Any]]
    verdicts: dict[tuple[int, str], str]
    arrived: dict[str, set[int]]
    refused: set[str]
    faults: tuple[int, ...]
    said: int
    calm = False

    def talk(self) -> None:
        """A phone goes on with what it was doing, or begins."""
        phone = self.dice.choice(self.phones)
        phone.now = self.now
        channel = "send" if self.dice.random() < 0.6 else "pull"
        known = self.talks.pop((phone, channel), None)
        if known is None:
            self.go_on(phone, channel, getattr(phone, channel)(), None)
        else:
            talk, waits = known
            self.go_on(phone, channel, talk, waits())

    def go_on(self, phone: Phone, channel: str, talk: Any, answer: Any) -> None:
        """Step by step, until the talk ends or something takes longer; a browser may be killed."""
        try:
            while True:
                gone = isinstance(answer, Unanswered)
                request = talk.throw(answer) if gone else talk.send(answer)
                answer = None
                if request is None:
                    if not self.calm and self.dice.random() < KILLED:
                        return self.kill(phone)
                    continue
                self.look_at(phone, request)
                fault = "none" if self.calm else self.some_fault()
                if fault in LATER:
                    self.talks[phone, channel] = talk, self.later(request, fault)
                    return None
                answer = self.carried(request, fault)
        except (StopIteration, Unanswered):
            return self.let_go(phone)
        except Endless:
            raise Broken("a phone goes on asking for ever") from None

    def some_fault(self) -> str:
        """What happens to a request."""
        return FAULTS[bisect(self.faults, self.dice.random() * self.faults[-1])]

    def carried(self, request: Request, fault: str) -> Any:
        """There and back, or not."""
        if fault == "lost":
            return Unanswered()
        if fault == "busy" or any(raw["id"] in self.refused for raw in request.ops):
            return Unanswered(503)
        if fault == "crash":
            before = self.central.copy()
            self.delivered(request)
            self.central = self.central.crashed(before)
            return Unanswered()
        answer = self.deliver(request)
        if fault == "copied" and request.what == "push":
            self.late.append(request)
        return Unanswered() if fault == "reply lost" else answer

    def later(self, request: Request, fault: str) -> Any:
        """What becomes of a request that takes longer: asked for when the phone goes on."""
        if fault == "slow":
            return lambda: self.deliver(request)
        if fault == "open" and request.what == "push" and len(request.ops) <= self.central.limit:
            begun = [self.central.begin(request), request, None]
            self.open.append(begun)
            return lambda: self.commit(begun)
        answer = self.deliver(request)
        return lambda: answer

    def late_arrives(self) -> None:
        """A copy of a request comes once more, or a transaction is committed at last."""
        if self.open and (not self.late or self.dice.random() < 0.5):
            self.commit(self.dice.choice(self.open))
        elif self.late:
            self.deliver(self.late.pop(self.dice.randrange(len(self.late))))

    def commit(self, begun: list[Any]) -> Any:
        """The end of an open transaction; a server that was restored knows nothing of it."""
        if begun not in self.open:
            return begun[2] or Unanswered()
        self.open.remove(begun)
        known = self.central.log.keys() & {read(raw).id for raw in begun[1].ops}
        begun[2] = self.central.finish(begun[0], self.now)
        self.note(begun[1], begun[2], known)
        return begun[2]

    def deliver(self, request: Request) -> Any:
        """The server answers, and what it said is written down."""
        if request.what != "push":
            return self.delivered(request)
        known = self.central.log.keys() & {read(raw).id for raw in request.ops}
        answer = self.delivered(request)
        if not isinstance(answer, Unanswered):
            self.note(request, answer, known)
        return answer

    def delivered(self, request: Request) -> Any:
        """What the server makes of it."""
        if request.what == "hello":
            return self.central.hello(request)
        if request.what == "pull":
            return self.central.pull(request)
        if len(request.ops) > self.central.limit:
            return Unanswered(413)
        return self.central.push(request, self.now)

    def look_at(self, phone: Phone, request: Request) -> None:
        """Nobody confesses what still lies here."""
        self.said += request.what == "push"
        for row in phone.ops.values() if request.lost else ():
            confessed = row.lineage == request.lineage and row.n in request.lost
            if confessed and not phone.is_damaged(row):
                raise Broken("a phone confesses an op that it still holds")

    def note(self, request: Request, answer: dict[str, Any], known: set[str]) -> None:
        """For the reckoning: what the server said of which op, and which places have come."""
        said = {verdict["id"]: verdict["status"] for verdict in answer["verdicts"]}
        for raw in request.ops:
            one, status = read(raw), said.get(raw["id"])
            if status in (None, "fork"):
                continue
            if one.n is not None:
                self.arrived.setdefault(request.lineage, set()).add(one.n)
            of_the_gone = request.device in self.central.cut_off and one.id not in known
            if of_the_gone and status not in ("held", "quarantined"):
                raise Broken("work of a phone that was cut off stands")
            self.hold_against(one.id, status)

    def hold_against(self, id_: str, status: str) -> None:
        """The same op never has two answers in one life of the server."""
        key = self.central.epoch, id_
        before = self.verdicts.get(key, status)
        if before != status and before not in ("waiting", "deferred"):
            raise Broken(f"an op was {before} first, and {status} later")
        self.verdicts[key] = status
