"""Whatever comes in: never a 5xx, never a word of the inside, never more memory (R10)."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from server.auth.access import DEVICE_TOKEN, access_rule
from sync import KINDS
from tests import seed_data
from tests.request_fuzzer import RequestFuzzer
from tests.server.conftest import SAME_ORIGIN_HEADERS
from tests.server.desk.estate_activity import make_activity
from tests.server.desk_ids import TYPES, field_names, ids_by_type
from tests.soak import repeats

SEEDS = 4
REQUESTS = repeats("fuzzed_requests") // SEEDS
"""Requests in all, shared by the seeds; `make soak` asks for more."""

MAX_MEMORY_MB = 50
SLOW_ENDPOINTS = {
    *("sign_in.sign_in", "account.change_password", "confirm.take_proof"),
    *("people.new_pin", "sign_ins.new_first_password", "unlock.unlock", "unlock.change_pin"),
}
"""Routes that take their time on purpose are asked seldom."""


def resident_memory() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class FuzzClient:
    """Sends what a mutator draws, to any route, as whoever may come there."""

    def __init__(self, app, phone, desk, seed: int) -> None:
        self.app, self.phone, self.desk = app, phone, desk
        self.ids = ids_by_type(app)
        every = sorted({id_ for ids in self.ids.values() for id_ in ids})
        ids = [*every, seed_data.HOME_SITE, seed_data.OTHER_SITE, str(uuid4())]
        self.fuzzer = RequestFuzzer(seed, ids, field_names())
        self.rng = random.Random(seed)
        self.routes = [
            (rule, method)
            for rule in app.url_map.iter_rules()
            for method in sorted(rule.methods - {"OPTIONS"})
            if rule.endpoint != "static"
        ]
        assert {rule.endpoint for rule, _ in self.routes} >= SLOW_ENDPOINTS

    def send(self):
        rule, method = self.rng.choice(self.routes)
        if rule.endpoint in SLOW_ENDPOINTS and self.rng.random() < 0.97:
            return self.send()
        address = self._fill_url(rule)
        if access_rule(self.app, rule.endpoint) == DEVICE_TOKEN or rule.rule.startswith("/sync/"):
            return self._phone_request(address, method)
        said = {
            "headers": {**SAME_ORIGIN_HEADERS, **self.fuzzer.odd_headers()},
            "query_string": self.fuzzer.odd_form(),
        }
        if method not in ("GET", "HEAD"):
            said["data"] = self.fuzzer.odd_form()
        return self._check_response(
            f"{method} {address}", self.desk.client.open(address, method=method, **said)
        )

    def _phone_request(self, address: str, method: str):
        op = self.phone.add_op("task.complete", seed_data.TASK, by=seed_data.ANA)
        self.phone.outbox.clear()
        message = {"lineage": self.phone.lineage, "sent_at": self.phone.now(), "ops": [op]}
        message |= {"cursor": None, "limit": 5, "code": "x", "label": "y", "lost": []}
        heads = {
            **self.phone.auth_headers(),
            "Content-Type": "application/json",
            **self.fuzzer.odd_headers(),
        }
        body = self.fuzzer.odd_body(self.fuzzer.mutate_message(message))
        answer = self.app.test_client().open(address, method=method, data=body, headers=heads)
        return self._check_response(f"{method} {address} {body[:300]!r}", answer)

    def _check_response(self, what: str, answer):
        body = answer.get_data()
        answer.close()
        return what, answer.status_code, answer.content_type or "", body

    def _fill_url(self, rule) -> str:
        blanks = {
            name: self.fuzzer.odd_text().replace("/", "_")[:300] or "x" for name in rule.arguments
        }
        if "site" in blanks and self.rng.random() < 0.9:
            blanks["site"] = seed_data.HOME_SITE
        if self.rng.random() < 0.8:
            blanks |= self._real_ids(rule)
        try:
            return self.app.url_map.bind("localhost").build(rule.endpoint, blanks)
        except ValueError:  # a blank that takes numbers alone
            return re.sub(r"<[^>]+>", "7", rule.rule)

    def _real_ids(self, rule) -> dict[str, str]:
        """A record for the address, of the type that its page shows."""
        types = TYPES.get(rule.endpoint.split(".")[0])
        if not types:
            return {}
        type_ = self.rng.choice(types)
        steps = [kind.partition(".")[2] for kind in KINDS if kind.startswith(f"{type_}.")]
        words = {"type": type_} | {
            name: self.rng.choice(steps or ["x"]) for name in ("step", "kind")
        }
        id_ = self.rng.choice(self.ids[type_] or ["x"])
        return {name: words.get(name, id_) for name in rule.arguments}


@pytest.mark.parametrize("seed", range(int(os.environ.get("LODGE_SEED", "0")), SEEDS))
@pytest.mark.asvs("1.2.4", "2.2.1", "16.5.1")
def test_no_request_whatever_breaks_the_server(app, phone, new_phone, desk_op, signed_in, seed):
    if "postgresql" in app.config["SQLALCHEMY_DATABASE_URI"] and seed:
        pytest.skip("one seed shows that PostgreSQL does the same")
    make_activity(app, desk_op, new_phone())
    people = seed_data.EVE, seed_data.BEN
    sender, before = FuzzClient(app, phone, signed_in(people[0]), seed), None
    statuses: Counter[int] = Counter()
    for number in range(REQUESTS):
        what, status, kind, body = sender.send()
        assert status < 500, (seed, number, what, body[:500])
        assert b"Traceback" not in body, (seed, number, what)
        if status >= 400 and " /sync/" in what and "HEAD" not in what[:5]:
            assert kind == "application/problem+json", (seed, number, what, status)
        statuses[status] += " /desk/" in what and what[:4] == "POST"
        if number % 50 == 49:  # it may have signed out
            sender.desk = signed_in(people[number // 50 % 2])
        if number == REQUESTS // 4:
            before = resident_memory()
    assert before is None or resident_memory() - before < MAX_MEMORY_MB
    assert statuses[303] + statuses[422] > statuses.total() / 4, "many forms reach their rules"
