"""The published description of the sync API: complete, portable, and true of the answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies
from playwright.sync_api import Browser
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from server.auth.devices import issue_code
from server.sync_api.json_schema import ecma_pattern
from server.sync_api.openapi import document
from sync import KINDS
from tests import seed_data
from tests.corpus import RECORDINGS, scenarios
from tests.phone_client import FlaskTransport, PhoneClient
from tests.soak import repeats

SEED = int(os.environ.get("LODGE_SEED", "0"))
EXAMPLES = repeats("openapi_examples")
"""Generated requests for each operation; `make soak` asks for more."""

METHODS = ("get", "head", "post", "put")
OPERATIONS = [
    (path, method)
    for path, item in document()["paths"].items()
    for method in METHODS
    if method in item
]
GENERATED = [
    (path, method, mode)
    for path, method in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode.is_positive or path != "/sync/openapi.json"
]
"""A request for the description has nothing that could be wrong."""

SECONDS = strategies.integers(0, 29_000_000_000)
MOMENTS = SECONDS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat())
schemathesis.openapi.format("date-time", MOMENTS)
"""JSON Schema cannot say it: earlier years come from a phone whose clock was never set."""


def patterns(node: Any) -> Iterator[str]:
    """Every `pattern` in a part of the description."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for part in node.values():
            yield from patterns(part)
    elif isinstance(node, list):
        for part in node:
            yield from patterns(part)


def component(name: str) -> dict[str, Any]:
    """A schema among the components, as a document that resolves its own references."""
    return {"$ref": f"#/components/schemas/{name}", "components": document()["components"]}


def test_every_route_of_the_sync_api_is_described(sqlite_app):
    rules = [rule for rule in sqlite_app.url_map.iter_rules() if rule.rule.startswith("/sync/")]
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in rules
        for method in rule.methods - {"OPTIONS"}
    }
    assert routes - set(OPERATIONS) == {("/sync/openapi.json", "head")}
    assert set(OPERATIONS) <= routes


@pytest.mark.asvs("2.1.1")
def test_every_kind_has_the_schema_of_its_payload():
    schemas = document()["components"]["schemas"]
    assert {f"payload.{name}" for name in KINDS} <= schemas.keys()
    from_phones = {f"op.{name}" for name, kind in KINDS.items() if kind.from_phones}
    assert from_phones == {name for name in schemas if name.startswith("op.")}
    for name in schemas:
        jsonschema_rs.meta.validate(schemas[name])
        jsonschema_rs.validator_for(component(name))


def test_recorded_ops_fit_the_schema_of_their_kind():
    """The document describes the newest version of each kind."""
    known = {
        name.removeprefix("op."): jsonschema_rs.validator_for(component(name))
        for name in document()["components"]["schemas"]
        if name.startswith("op.")
    }
    checked = set()
    for op, status in (answer for recording in RECORDINGS for answer in answered_ops(recording)):
        is_newest = op.get("kind") in known and op["v"] == KINDS[op["kind"]].payload_version
        if is_newest and status not in ("quarantined", "fork"):
            known[op["kind"]].validate(op)
            checked.add(op["kind"])
    assert len(checked) > len(known) / 2


def answered_ops(recording: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Every op of a recording with the status that answered it."""
    for _, steps in scenarios(recording):
        for step in steps:
            yield from zip(step.get("push", {}).get("ops", ()), step.get("told", ()), strict=False)


def test_every_pattern_is_one_of_ecma_262(browser: Browser):
    page = browser.new_page()
    compile_all = "patterns => patterns.map(each => new RegExp(each, 'u').source)"
    every = sorted(set(patterns(document())))
    assert page.evaluate(compile_all, every)
    page.close()


@pytest.mark.parametrize(
    ("python", "ecma"),
    [
        (r"^[0-9a-f]{64}\Z", "^[0-9a-f]{64}$"),
        (r"[\w.-]+\Z", r"^(?:[\w.-]+$)"),
        ("^[^\x00]\\Z", r"^[^\u0000]$"),
    ],
)
def test_python_patterns_become_ecma_patterns(python, ecma):
    assert ecma_pattern(python) == ecma


@pytest.mark.parametrize("python", [r"(?i)a", r"(?P<name>a)", r"\Aa"])
def test_patterns_without_a_counterpart_are_refused(python):
    with pytest.raises(ValueError, match="ECMA-262"):
        ecma_pattern(python)


@pytest.fixture
def phone(sqlite_app: Flask) -> PhoneClient:
    """A phone enrolled at the home site."""
    with sqlite_app.app_context():
        code = issue_code(seed_data.HOME_SITE, by=seed_data.BEN)
    return PhoneClient(FlaskTransport(sqlite_app.test_client())).enrol(code)


@pytest.fixture
def described_api(sqlite_app: Flask) -> BaseSchema:
    """The running application, as its description presents it to schemathesis."""
    rejections = {"expected-statuses": ["400", "404", "405", "413", "415", "416", "422"]}
    config = {
        "generation": {"with-security-parameters": False},
        "checks": {"negative_data_rejection": rejections},
    }
    return schemathesis.openapi.from_wsgi(
        "/sync/openapi.json", sqlite_app, config=schemathesis.Config.from_dict(config)
    )


def without_floats(value: Any) -> Any:
    """The same JSON with 2 for 2.0: an integer to JSON Schema, but Lodge takes no floats."""
    if isinstance(value, dict):
        return {name: without_floats(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_floats(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize(("path", "method", "mode"), GENERATED)
@pytest.mark.asvs("2.2.1", "4.1.1")
def test_generated_requests_are_answered_as_described(described_api, phone, path, method, mode):
    operation = described_api[path][method]
    # bytes that are no picture, or another one, are refused although their type is right
    excluded = [positive_data_acceptance] if method == "put" else []
    headers = {**phone.auth_headers(), "Accept-Encoding": "identity"}
    site = {"site": phone.site} if "{site}" in path else {}

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, path_parameters=site))
    def answer_as_described(case: schemathesis.Case) -> None:
        if case.media_type == "application/json":
            case.body = without_floats(case.body)
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    answer_as_described()
