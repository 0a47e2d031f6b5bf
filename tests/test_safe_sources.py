"""Source code does not contain what turns data into code, markup or a command, or a weak hash."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = [file for name in ("server", "sync") for file in (ROOT / name).rglob("*.py")]
SCRIPTS = list((ROOT / "static/field").rglob("*.js"))
TEMPLATES = list((ROOT / "templates").rglob("*.html"))
MARKUP_IN_CODE = {
    "actions.py": "a constant with a blank, which is escaped",
    "form_tokens.py": "a constant with two blanks, which are escaped",
    "inspections.py": "a picture drawn from numbers",
    "patrol.py": "a QR code drawn from our own address",
    "story.py": "sentences of the catalogue with escaped names",
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


ADDRESSES = re.compile(
    r"""(?:href|src|action|formaction|hx-get|hx-post)=["'](?!/|\#|\?|data:image/)([^"']*)"""
)
OWN_ADDRESSES = re.compile(
    r"\{\{ *(?:url_for\(|row_address\(|asset\(|(?:address|where|qr|back|pdf)\b"
    r"|(?:list|left|open)_url\b|\w+\.(?:qr|url|address|list_url|more_url|before|after)\b)"
    r"|\{%|tel:\{\{|$"
)
"""What an address begins with: one that the server makes, or a number to call."""


@pytest.mark.asvs("1.2.2")
def test_no_text_of_somebody_becomes_the_scheme_of_an_address():
    begun = {text for _, text in matches(ADDRESSES, TEMPLATES)}
    assert len(begun) > 10
    assert {text for text in begun if not OWN_ADDRESSES.match(text)} == set()


def matches(pattern, files):
    """File and first group of each match."""
    return [
        (file.name, match[1])
        for file in files
        for match in re.finditer(pattern, file.read_text("utf-8"))
    ]


@pytest.mark.asvs("1.3.10")
def test_what_is_formatted_is_a_text_of_ours():
    owners = places(r"""[\w\]"')}]+(?=\.format\()""", PYTHON)
    odd = {(name, text) for name, text in owners if not re.fullmatch(r"""[A-Z_\d]+|.*["']""", text)}
    assert {name for name, _ in odd} <= FORMATTING.keys()


FORMATTING = {
    "expressions.py": "the compiler puts expressions together",
    "inspections.py": "a picture drawn from numbers",
    "documents.py": "the address of a page, declared with its document",
    "story.py": "a name in bold, escaped by Markup.format",
    "serving_role.py": "statements of ours, with the quoted name of a role",
}
"""Files that fill in a text which is no literal there, and why nobody else wrote it."""


@pytest.mark.asvs("3.7.1")
def test_no_technology_of_yesterday_is_used():
    old = r"(?i)<(?:applet|embed|object|bgsound|frame|frameset)\b|ActiveX|classid=|\.swf\b"
    assert places(old, [*TEMPLATES, *SCRIPTS]) == []


@pytest.mark.asvs("3.5.5")
def test_pages_take_messages_from_their_own_origin_alone():
    """A BroadcastChannel and a page's own worker; no window is listened to or written to."""
    listeners = places(r"([\w.]+)\.addEventListener\(\s*\"message\"|onmessage", SCRIPTS)
    assert {text.partition(".")[0] for _, text in listeners} <= {"channel", "self", "worker"}
    assert places(r"(?:parent|opener|top|window|frames)\.postMessage", SCRIPTS) == []


@pytest.mark.asvs("14.2.3")
def test_nothing_is_loaded_from_elsewhere():
    elsewhere = r"""(?:src|href|action)=["'](?:https?:)?//[^"']*|fetch\(["']https?:"""
    assert places(elsewhere, [*TEMPLATES, *SCRIPTS]) == []
    styles = (ROOT / "static/css").rglob("*.css")
    assert places(r"url\(\s*[\"']?(?:https?:)?//|@import", styles) == []
