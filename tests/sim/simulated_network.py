"""What lies between phones and server: requests and answers are lost, doubled, late, cut short."""

from __future__ import annotations

from bisect import bisect
from random import Random
from typing import Any

from sync import KINDS
from tests.sim.credential_model import KeyOwner
from tests.sim.invariants import InvariantViolation
from tests.sim.phone_model import PhoneModel, SyncError, TooManyRequests
from tests.sim.server_model import AWAITS_PROOF, ParsedOp, Request, ServerModel, parse_op

FAULTS = ("none", "lost", "reply lost", "copied", "crash", "busy", "slow", "slow reply", "open")
JUDGED = ("applied", "merged", "contested")
DELAYING_FAULTS = {"slow", "slow reply", "open"}
KILL_PROBABILITY = 0.04
"""How often a browser ends between two of its transactions."""


class SimulatedNetwork:
    """Brings what phones say to the server, and back; the mother of History."""

    rng: Random
    now: Any
    server: ServerModel
    phones: list[PhoneModel]
    pending_requests: dict[tuple[PhoneModel, str], tuple[Any, Any]]
    delayed_requests: list[Request]
    open_transactions: list[list[Any]]
    verdicts: dict[tuple[int, str], str]
    received_positions: dict[str, set[int]]
    refused: set[str]
    faults: tuple[int, ...]
    request_count: int
    usable_keys: set[KeyOwner]
    signed_by: dict[str, KeyOwner]
    faults_disabled = False

    def step_phone(self) -> None:
        """A phone goes on with what it was doing, or begins."""
        phone = self.rng.choice(self.phones)
        phone.now = self.now
        channel = "send" if self.rng.random() < 0.6 else "pull"
        known = self.pending_requests.pop((phone, channel), None)
        if known is None:
            self.resume(phone, channel, getattr(phone, channel)(), None)
        else:
            talk, waits = known
            self.resume(phone, channel, talk, waits())

    def resume(self, phone: PhoneModel, channel: str, generator: Any, answer: Any) -> None:
        """Step by step, until the talk ends or something takes longer; a browser may be killed."""
        try:
            while True:
                gone = isinstance(answer, SyncError)
                request = generator.throw(answer) if gone else generator.send(answer)
                answer = None
                if request is None:
                    if not self.faults_disabled and self.rng.random() < KILL_PROBABILITY:
                        return self.kill_browser(phone)
                    continue
                self.check_confession(phone, request)
                fault = "none" if self.faults_disabled else self.draw_fault()
                if fault in DELAYING_FAULTS:
                    self.pending_requests[phone, channel] = generator, self.delay(request, fault)
                    return None
                answer = self.transmit(request, fault)
        except (StopIteration, SyncError):
            return self.check_pruned(phone)
        except TooManyRequests:
            raise InvariantViolation("a phone goes on asking for ever") from None

    def draw_fault(self) -> str:
        """What happens to a request."""
        return FAULTS[bisect(self.faults, self.rng.random() * self.faults[-1])]

    def transmit(self, request: Request, fault: str) -> Any:
        """There and back, or not."""
        if fault == "lost":
            return SyncError()
        if fault == "busy" or any(raw["id"] in self.refused for raw in request.ops):
            return SyncError(503)
        if fault == "crash":
            before = self.server.copy()
            self.dispatch(request)
            self.server = self.server.crash_to(before)
            return SyncError()
        answer = self.deliver(request)
        if fault == "copied" and request.endpoint == "push":
            self.delayed_requests.append(request)
        return SyncError() if fault == "reply lost" else answer

    def delay(self, request: Request, fault: str) -> Any:
        """What becomes of a request that takes longer: asked for when the phone goes on."""
        if fault == "slow":
            return lambda: self.deliver(request)
        if fault == "open" and request.endpoint == "push" and len(request.ops) <= self.server.limit:
            begun = [self.server.begin_push(request), request, None]
            self.open_transactions.append(begun)
            return lambda: self.commit(begun)
        answer = self.deliver(request)
        return lambda: answer

    def deliver_delayed(self) -> None:
        """A copy of a request comes once more, or a transaction is committed at last."""
        if self.open_transactions and (not self.delayed_requests or self.rng.random() < 0.5):
            self.commit(self.rng.choice(self.open_transactions))
        elif self.delayed_requests:
            self.deliver(self.delayed_requests.pop(self.rng.randrange(len(self.delayed_requests))))

    def commit(self, begun: list[Any]) -> Any:
        """The end of an open transaction; a server that was restored knows nothing of it."""
        if begun not in self.open_transactions:
            return begun[2] or SyncError()
        self.open_transactions.remove(begun)
        known = self.server.log.keys() & {parse_op(raw).id for raw in begun[1].ops}
        begun[2] = self.server.commit_push(begun[0], self.now)
        self.record_response(begun[1], begun[2], known)
        return begun[2]

    def deliver(self, request: Request) -> Any:
        """The server answers, and what it said is written down."""
        if request.endpoint != "push":
            return self.dispatch(request)
        known = self.server.log.keys() & {parse_op(raw).id for raw in request.ops}
        answer = self.dispatch(request)
        if not isinstance(answer, SyncError):
            self.record_response(request, answer, known)
        return answer

    def dispatch(self, request: Request) -> Any:
        """What the server makes of it."""
        if request.endpoint == "hello":
            return self.server.hello(request)
        if request.endpoint == "pull":
            return self.server.pull(request)
        if len(request.ops) > self.server.limit:
            return SyncError(413)
        return self.server.push(request, self.now)

    def check_confession(self, phone: PhoneModel, request: Request) -> None:
        """Nobody confesses what still lies here."""
        self.request_count += request.endpoint == "push"
        for row in phone.ops.values() if request.lost else ():
            confessed = row.lineage == request.lineage and row.n in request.lost
            if confessed and not phone.is_damaged(row):
                raise InvariantViolation("a phone confesses an op that it still holds")

    def record_response(self, request: Request, answer: dict[str, Any], known: set[str]) -> None:
        """For the reckoning: what the server said of which op, and which places have come."""
        said = {verdict["id"]: _status(verdict) for verdict in answer["verdicts"]}
        for raw in request.ops:
            one, status = parse_op(raw), said.get(raw["id"])
            if status in (None, "fork"):
                continue
            if one.n is not None:
                self.received_positions.setdefault(request.lineage, set()).add(one.n)
            of_the_gone = request.device in self.server.revoked and one.id not in known
            if of_the_gone and status not in ("held", "quarantined", "unproven"):
                raise InvariantViolation("work of a phone that was cut off stands")
            if one.id not in known and status in JUDGED:
                self.check_proof(one, request.device)
            self.check_stable_verdict(one.id, status)

    def check_proof(self, one: ParsedOp, device: str) -> None:
        """Of what needs a proof, only that stands which its author signed with a usable key."""
        if one.fault is None and KINDS[one.raw["kind"]].needs_proof:
            owner = self.signed_by.get(one.id)
            if owner is None or owner.device != device or owner not in self.usable_keys:
                raise InvariantViolation("a decision stands that nobody proved")

    def check_stable_verdict(self, id_: str, status: str) -> None:
        """The same op never has two answers in one life of the server."""
        key = self.server.epoch, id_
        before = self.verdicts.get(key, status)
        if before != status and before not in ("waiting", "deferred", "unproven"):
            raise InvariantViolation(f"an op was {before} first, and {status} later")
        self.verdicts[key] = status


def _status(verdict: dict[str, Any]) -> str:
    """The status of an op; one that only waits for a key is judged later."""
    return "unproven" if verdict.get("code") in AWAITS_PROOF else str(verdict["status"])
