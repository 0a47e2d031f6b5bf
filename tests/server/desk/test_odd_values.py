"""Values at the edge of what a computer can hold, wherever one can be sent: never a 5xx.

Every field of every kind and of the op around it, every parameter of every page, the host. The
quick run sends a few of the values to each place, `make soak` all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.test import create_environ, run_wsgi_app

from server.auth.devices import issue_code
from server.config import data_folder
from server.oplog.receive import submit_many
from server.oplog.replay import find_faults
from tests import soak
from tests.corpus import RECORDINGS, scenarios
from tests.phone_client import FlaskTransport, PhoneClient, with_hash
from tests.seed_data import BEN, EVE, HOME_SITE
from tests.server.desk.test_other_sites import addresses, desk_routes
from tests.server.desk.test_visible_text import page_addresses
from tests.server.desk_ids import ids_by_type

SERVER = Path(__file__).parents[3] / "server"
ODD: tuple[Any, ...] = (
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999-23:59", "1969-12-31T23:59:59Z"),
    *("0001-01-01", "9999-12-31", "0001-01", "9999-12", "2200-12-31T23:59:59Z", "24:00", "00:00"),
    *(2**31, 2**63, 2**64, -(2**63) - 1, 10**400, -1, 0, 1.5, 1e308, True, None),
    *("\ud800", "\udfff x", "\x00", "\ufffe", " " * 3000, "x" * 70_000, "'", "%ff", "[[", ""),
    *([], {}, [[]], [None], ["\ud800"], {"": ""}, {"\ud800": 1}, {"__proto__": {}}),
)
ODD_TEXTS = [str(each) for each in ODD if isinstance(each, str | int | float)]
HOSTS = ("a..b", ".", "..", "a.", "-", "x" * 300, "[::1", "[::1]:x", "a:b:c", "é.example", "a b")
HOSTS += ("a/b", "a@b", "\x00", "xn--a", "%00", ":80", "localhost:99999", "\udc80", "a_b", "*")
FORM_TYPE = "application/x-www-form-urlencoded"
PATHS = ("/", "/sign-in", "/field/", "/r/1", "/desk/", "/sync/enrol", "/x")
ENVELOPE = ("base", "after", "at", "v", "by", "subject", "mono", "n", "boot", "prev", "id", "kind")


@pytest.fixture
def app(sqlite_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Answers an exception with a page, as in production."""
    monkeypatch.setitem(sqlite_app.config, "PROPAGATE_EXCEPTIONS", False)
    return sqlite_app


def chosen(values: Any, number: int) -> Iterator[Any]:
    """The values that a place is sent in this run; `number` is the number of the place."""
    values = list(values)
    if soak.SOAK:
        yield from values
    else:
        first = number * soak.repeats("odd_values_of_a_place") % len(values)
        yield from islice(values[first:] + values[:first], soak.repeats("odd_values_of_a_place"))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value inside a payload."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, each in inner or (enumerate(value[:1]) if isinstance(value, list) else ()):
        yield from places(each, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A copy of a value that has something odd at a path."""
    if not path:
        return odd
    copy = value.copy()
    copy[path[0]] = replaced(copy[path[0]], path[1:], odd)
    return copy


def odd_ops(op: dict[str, Any], first: int) -> Iterator[dict[str, Any]]:
    """The op with one odd value, at each place in turn; its hash is right where it can be."""
    paths = [*((name,) for name in ENVELOPE), *(("payload", *p) for p in places(op["payload"]))]
    for number, path in enumerate(paths, first):
        for odd in chosen(ODD, number):
            draft = {**op, "id": str(uuid4()), "n": 1, "prev": None, "hash": "0" * 64}
            draft = replaced({**draft, "payload": op["payload"] or {}}, path, odd)
            try:
                yield with_hash(draft)
            except (ValueError, TypeError, OverflowError):
                yield draft


@pytest.mark.asvs("2.2.1", "15.3.5")
def test_no_field_of_an_op_breaks_the_server(app: Flask, enrol: Callable[[], PhoneClient]) -> None:
    """Each kind with its odd values just before its own turn, when the record is ready for it."""
    seen: set[str] = set()
    broken, sent = [], 0
    for recording in RECORDINGS:
        for _, steps in scenarios(recording):
            phone = enrol()
            for step in steps:
                if "desk" in step:
                    with app.app_context():
                        submit_many(HOME_SITE, step["desk"])
                    continue
                for op in step["push"]["ops"]:
                    if op["kind"] not in seen:
                        seen.add(op["kind"])
                        odd = list(odd_ops(op, sent))
                        sent += len(odd)
                        broken += failures(enrol(), odd)
                phone.push(**step["push"] | {"sent_at": phone.now()}).expect_ok()
    assert not broken, "\n".join(broken[:20])
    with app.app_context():
        assert find_faults(HOME_SITE) == []


def failures(phone: PhoneClient, ops: list[dict[str, Any]]) -> list[str]:
    """What the server cannot answer: looked for in halves of a batch that breaks it."""
    message = json.dumps({"lineage": phone.lineage, "sent_at": phone.now(), "lost": [], "ops": ops})
    if len(ops) > 100 or len(message) > 900_000:
        half = len(ops) // 2
        return failures(phone, ops[:half]) + failures(phone, ops[half:]) if half else []
    reply = phone.post(f"/sync/{phone.site}/push", message.encode())
    if reply.status < 500:
        return []
    if len(ops) == 1:
        return [f"{reply.status} {ops[0]['kind']!s:.40} {json.dumps(ops[0])[:600]}"]
    half = len(ops) // 2
    return failures(phone, ops[:half]) + failures(phone, ops[half:])


@pytest.fixture
def enrol(app: Flask) -> Callable[[], PhoneClient]:
    def new_phone() -> PhoneClient:
        with app.app_context():
            code = issue_code(HOME_SITE, by=BEN)
        return PhoneClient(FlaskTransport(app.test_client())).enrol(code)

    return new_phone


def parameter_names() -> list[str]:
    """Every name that a page takes from its address or a form of ours sends."""
    code = "".join(file.read_text("utf-8") for file in SERVER.rglob("*.py"))
    texts = "".join(file.read_text("utf-8") for file in data_folder("templates").rglob("*.html"))
    asked = re.findall(r"(?:args|values|form)(?:\.get|\.getlist)?[\[(]\"(\w+)\"", code)
    return sorted({*asked, *re.findall(r'name="([\w.]+)"', texts)})


@pytest.mark.asvs("2.2.1")
def test_no_parameter_of_a_page_breaks_the_server(
    app: Flask, estate: Flask, signed_in: Callable[..., Any]
) -> None:
    names, eve, broken = parameter_names(), signed_in(EVE), []
    assert len(names) > 30
    for number, page in enumerate(page_addresses(estate)):
        for odd in chosen(ODD_TEXTS, number):
            text = odd.encode("utf-8", "surrogatepass")[:2000]
            status = eve.get(page, query_string=dict.fromkeys(names, text)).status_code
            if status >= 500:
                broken.append((status, page, odd[:50]))
    assert not broken, "\n".join(map(str, broken))


@pytest.mark.asvs("2.2.1")
def test_no_field_of_a_form_breaks_the_server(
    app: Flask, estate: Flask, signed_in: Callable[..., Any]
) -> None:
    """Every form with odd values alone, and with some among values that could be right."""
    names, eve, ids, broken = parameter_names(), signed_in(EVE), ids_by_type(estate), []
    usual = [*(each[0] for each in ids.values() if each), "1", "2026-11-29", "2026-11-29T08:00"]
    forms = [address for address, method in form_addresses(estate, ids) if method == "POST"]
    assert len(forms) > 90
    for number, address in enumerate(forms):
        rng = Random(number)
        for odd in chosen(ODD_TEXTS, number):
            text = odd.encode("utf-8", "surrogatepass")[:2000]
            some = {name: rng.choice([text, rng.choice(usual)]) for name in names}
            for said in (dict.fromkeys(names, text), some):
                status = eve.post(address, urlencode(said), content_type=FORM_TYPE).status_code
                if status >= 500:
                    broken.append((status, address, odd[:50]))
    assert not broken, "\n".join(map(str, broken))


def form_addresses(app: Flask, ids: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """The address of each route of the desk and its method, with the id of a record there is."""
    for rule, method in desk_routes(app, with_ids=False):
        if not rule.arguments:
            yield rule.rule, method
    for rule, method in desk_routes(app, with_ids=True):
        yield next(addresses(app, rule, ids)), method


@pytest.mark.parametrize("path", PATHS)
def test_no_name_of_a_host_breaks_the_server(app: Flask, path: str) -> None:
    statuses = {}
    for host in HOSTS:  # without a test client: its cookies need a name that can be decoded
        environ = {
            **create_environ(path),
            "HTTP_HOST": host.encode("utf-8", "surrogateescape").decode("latin-1"),
        }
        statuses[host] = run_wsgi_app(app, environ)[1]
    assert {host: status for host, status in statuses.items() if status >= "5"} == {}
