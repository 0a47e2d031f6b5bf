"""Source code does not contain what turns data into code, markup or a command, or a weak hash."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = [file for name in ("server", "sync") for file in (ROOT / name).rglob("*.py")]
SCRIPTS = list((ROOT / "static/field").rglob("*.js"))
TEMPLATES = list((ROOT / "templates").rglob("*.html"))
MARKUP_IN_CODE = {
    "form_tokens.py": "a constant with two blanks, which are escaped",
    "inspections.py": "a picture drawn from numbers",
    "patrol.py": "a QR code drawn from our own address",
}
"""Files of the server that declare text as markup, and why none of it is somebody's text."""

SAFE_IN_TEMPLATES = {'"<span data-minutes>15</span>"|safe', "'maxlength=\"%d\"'|safe"}
"""Constants that templates declare as markup."""


def places(pattern, files):
    """File and text of each match."""
    return [
        (file.name, match[0])
        for file in files
        for match in re.finditer(pattern, file.read_text("utf-8"))
    ]


@pytest.mark.asvs("1.2.5")
def test_no_command_is_run_by_a_shell():
    assert places(r"shell=True|os\.system|\bpopen\(", PYTHON) == []


@pytest.mark.asvs("1.3.2", "3.2.2")
def test_no_script_makes_code_or_markup_of_text():
    forbidden = r"\beval\(|new Function|innerHTML|outerHTML *=|insertAdjacentHTML|document\.write"
    assert len(SCRIPTS) > 20
    assert places(forbidden, SCRIPTS) == []


@pytest.mark.asvs("1.3.7", "1.3.5")
def test_no_template_is_made_of_data():
    assert places(r"render_template_string|from_string\(", PYTHON) == []


@pytest.mark.asvs("1.5.2")
def test_no_data_is_read_that_can_hold_objects():
    assert places(r"(?m)^\s*(?:import|from) (?:pickle|marshal|shelve|yaml|dill)\b", PYTHON) == []


@pytest.mark.asvs("1.1.2", "1.3.1")
def test_nothing_but_our_own_constants_is_declared_as_markup():
    assert {name for name, _ in places(r"Markup\(", PYTHON)} == MARKUP_IN_CODE.keys()
    declared = places(r"""(?:"[^"]*"|'[^']*'|[\w.]+)\s*\|\s*safe\b|autoescape false""", TEMPLATES)
    assert {text for _, text in declared} <= SAFE_IN_TEMPLATES


@pytest.mark.asvs("6.5.3", "11.5.1")
def test_secrets_do_not_come_from_a_predictable_generator():
    auth = [file for file in PYTHON if file.parent.name == "auth"]
    assert places(r"(?m)^\s*(?:import random|from random)\b", auth) == []
    assert places(r"secrets\.", auth)


@pytest.mark.asvs("11.3.1", "11.4.1")
def test_no_broken_hash_or_cipher_is_used():
    assert places(r"(?i)\bmd5\b|\bsha1\b|modes\.ECB|PKCS1v15", PYTHON) == []


@pytest.mark.asvs("6.2.6", "6.2.7")
def test_passwords_are_hidden_and_may_be_pasted():
    inputs = places(r'<input name="(?:password|new)"[^>]*', TEMPLATES)
    assert len(inputs) >= 3
    for name, text in inputs:
        assert 'type="password"' in text and "autocomplete=" in text, name
    assert places(r"onpaste|oncopy", TEMPLATES) == []


@pytest.mark.asvs("6.4.2")
def test_no_secret_question_is_asked():
    assert places(r"(?i)secret question|security question|mother's maiden", TEMPLATES) == []
