"""Signed tokens: each for one purpose, unchanged, by an algorithm that they do not name."""

from __future__ import annotations

import base64
import json
from itertools import permutations

import pytest
from itsdangerous import BadSignature

from server.auth import known_browsers
from server.auth.keys import serializer
from server.desk import form_tokens
from server.sync_api import cursor
from tests.seed_data import HOME_SITE


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def signers():
    return {
        "cursor": cursor._cursor_signer(),
        "form": form_tokens._signer(),
        "browser": known_browsers._signer(),
        "other": serializer("other"),
    }


@pytest.mark.asvs("9.2.2")
def test_a_token_is_good_for_its_purpose_only(app):
    with app.test_request_context():
        by_purpose = signers()
        for one, other in permutations(by_purpose, 2):
            token = by_purpose[one].dumps([HOME_SITE])
            assert by_purpose[one].loads(token) == [HOME_SITE]
            with pytest.raises(BadSignature):
                by_purpose[other].loads(token)


@pytest.mark.asvs("9.1.1")
def test_a_token_with_one_changed_character_is_refused(app):
    with app.test_request_context():
        for signer in signers().values():
            token = signer.dumps([HOME_SITE, 1])
            token = token.decode() if isinstance(token, bytes) else token
            for place in range(len(token) - 1):  # the last one holds bits that mean nothing
                changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
                with pytest.raises(BadSignature):
                    signer.loads(changed)


@pytest.mark.asvs("9.1.2", "9.1.3")
def test_a_token_names_neither_its_algorithm_nor_its_key(app):
    """Tokens of other servers that say how to be checked are refused."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    heads = (
        {"alg": "none"},
        {"alg": "HS256", "kid": "/dev/null"},
        {"jku": "http://x", "alg": "RS"},
    )
    with app.test_request_context():
        for signer in signers().values():
            for head in heads:
                for signature in ("", part("x")):
                    with pytest.raises(BadSignature):
                        signer.loads(f"{part(head)}.{part([HOME_SITE])}.{signature}")
