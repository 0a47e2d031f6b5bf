"""docs/security says what the code does: who sees what, limits, ways in, keys, connections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from server import config
from server.auth import sessions
from server.auth.access import access_rule
from server.config import data_folder
from server.desk.spreadsheets import MAX_BYTES as MAX_SPREADSHEET_BYTES
from server.models import MODELS_BY_TYPE
from server.photos.decoder import FORMATS, MAX_PIXELS
from sync import RECORD_TYPES
from sync.protocol.photos import MAX_PHOTO_BYTES
from tests.security_documents import FILES, tables, with_tables

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "docs/security/README.md").read_text("utf-8")
INSTALL = (ROOT / "docs/install.md").read_text("utf-8")
PYTHON = [file for name in ("server", "sync") for file in (ROOT / name).rglob("*.py")]
SCRIPTS = list((ROOT / "static/field").rglob("*.js"))
CRYPTOGRAPHY = {"argon2", "cryptography", "hashlib", "hmac", "itsdangerous", "pyotp", "secrets"}
CRYPTOGRAPHY |= {"webauthn", "ssl", "Crypto", "nacl", "rsa", "jwt", "bcrypt", "passlib"}
NETWORK = {"aiohttp", "boto3", "ftplib", "httpx", "requests", "smtplib", "socket", "telnetlib"}
NETWORK |= {"urllib.request", "http.client", "urllib3", "xmlrpc", "asyncio", "imaplib"}


def section(heading: str) -> str:
    """The text of a section of docs/security/README.md."""
    return SECURITY.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without headings."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if not set(line[0]) <= {"-", "|"}][1:]


def imports_of(file: Path) -> set[str]:
    """The modules that a file imports, and the packages that they are in."""
    names = set(re.findall(r"(?m)^\s*(?:import|from) ([\w.]+)", file.read_text("utf-8")))
    return names | {name.partition(".")[0] for name in names}


def importers(modules: set[str]) -> dict[str, set[str]]:
    """The files that import one of these modules, and which."""
    found = {file.relative_to(ROOT).as_posix(): imports_of(file) & modules for file in PYTHON}
    return {name: each for name, each in found.items() if each}


@pytest.mark.parametrize("lang", FILES)
@pytest.mark.asvs("8.1.1", "8.1.2")
def test_the_tables_of_who_sees_what_are_those_of_the_code(sqlite_app, lang):
    """Run python -m tests.security_documents."""
    text = FILES[lang].read_text("utf-8")
    assert with_tables(text, tables(sqlite_app, lang)) == text


PERSONAL_NAMES = {"visitor", "contact", "plate", "phone", "worker", "caller", "companions"}
"""Fields that hold somebody's name, number or plate, whatever the record."""
OWN_PEOPLE = {"contractor", "person"}
"""Those who work here, and firms: kept as long as their work can be asked about."""


@pytest.mark.asvs("14.1.1", "14.1.2", "14.2.4")
def test_every_record_that_names_somebody_from_outside_says_for_how_long():
    """And what replaces the name then, in records, log and phones alike."""
    for name, type_ in RECORD_TYPES.items():
        columns = {column.name for column in MODELS_BY_TYPE[name].__table__.columns}
        found = columns & PERSONAL_NAMES
        if found and name not in OWN_PEOPLE:
            assert type_.personal and type_.personal.why, name
            assert found <= {field.rpartition(".")[2] for field in type_.redacted_values}, name
        assert bool(type_.personal) == bool(type_.redacted_values), name


@pytest.mark.asvs("5.1.1")
def test_the_files_that_are_taken_are_listed_with_their_limits():
    (photo, sheet, *_) = rows(section("Files"))
    mib = 1024 * 1024
    assert f"{MAX_PHOTO_BYTES // mib} MiB" in photo[2]
    assert f"{MAX_PIXELS // 1_000_000} million pixels" in photo[2]
    assert all(name.lower() in photo[1].lower() for name in FORMATS)
    assert f"{MAX_SPREADSHEET_BYTES // mib} MiB" in sheet[2]


@pytest.mark.asvs("6.1.3", "7.2.2")
def test_every_way_in_is_listed(sqlite_app):
    """Whatever starts a session or gives a token stands in the table."""
    listed = {row[0].strip("`") for row in rows(section("Signing in at the desk"))}
    open_posts = {
        rule.rule
        for rule in sqlite_app.url_map.iter_rules()
        if "POST" in rule.methods and access_rule(sqlite_app, rule.endpoint) == "anybody"
    }
    assert {"/sign-in", "/sync/enrol"} <= open_posts & listed
    assert open_posts - listed <= NO_WAY_IN


NO_WAY_IN = {"/language", "/r/", "/r/<number>", "/sign-out", "/sign-in/passkey/options"}
"""Forms for everybody that give nobody a session or a token."""


@pytest.mark.asvs("7.1.1", "7.1.2")
def test_the_lives_of_sessions_are_those_of_the_code():
    text = " ".join(section("Signing in at the desk").split())
    idle, longest = sessions.IDLE_TIMEOUT, sessions.MAX_LIFETIME
    assert f"after {idle.seconds // 60} minutes without" in text
    assert f"after {longest.seconds // 3600} hours in any case" in text
    assert "any number of sessions" in text


@pytest.mark.asvs("11.1.1")
def test_every_key_is_listed_with_its_rotation():
    listed = "\n".join(row[0] for row in rows(section("Keys")))
    for name in (config.KEY_FILE, config.BACKUP_KEY_FILE):
        assert f"`{name}`" in listed
    code = "\n".join(file.read_text("utf-8") for file in PYTHON)
    for purpose in re.findall(r"(?:serializer|derived_keys)\(\"([\w-]+)\"", code):
        assert f"`{purpose}`" in listed, purpose


@pytest.mark.asvs("11.1.2", "11.2.1", "11.2.3", "11.6.1")
def test_every_file_that_uses_cryptography_is_in_the_inventory():
    listed = set(re.findall(r"`([\w./]+)`", section("Cryptography")))
    using = importers(CRYPTOGRAPHY)
    scripts = [f for f in SCRIPTS if re.search(r"crypto\.(?:subtle|getRandom)", f.read_text())]
    files = set(using) | {f.relative_to(ROOT).as_posix() for f in scripts}
    assert files == {name for name in listed if name.endswith((".py", ".js"))}
    libraries = set().union(*using.values())
    vetted = {"argon2", "cryptography", "hashlib", "hmac", "itsdangerous", "secrets"}
    assert libraries <= vetted | {"pyotp", "webauthn"}


@pytest.mark.asvs("13.1.1", "13.2.4", "1.3.6", "1.3.11", "15.3.2")
def test_the_server_calls_nobody_but_whom_the_document_names():
    """No address that somebody typed is ever called, no mail sent, no redirect followed."""
    text = section("Connections that the server opens")
    files = set(re.findall(r"`([\w./]+\.py)`", text))
    assert set(importers(NETWORK)) == files


@pytest.mark.asvs("12.2.2")
def test_the_documented_proxy_gets_a_public_certificate():
    (block,) = re.findall(r"```\n(lodge\.example\.org \{.*?)```", INSTALL, re.DOTALL)
    assert "tls" not in block and "http://" not in block.partition("http://lodge")[0]


@pytest.mark.asvs("13.2.5")
def test_the_documented_service_may_open_no_connection_and_write_nowhere_else():
    (unit,) = re.findall(r"```\n(\[Service\].*?)```", INSTALL, re.DOTALL)
    for line in ("IPAddressDeny=any", "IPAddressAllow=localhost", "NoNewPrivileges=yes"):
        assert line in unit
    assert "ProtectSystem=strict" in unit and "ReadWritePaths=/var/lib/lodge" in unit


@pytest.mark.asvs("13.2.1")
def test_no_password_of_a_service_stands_in_the_source():
    """PostgreSQL and the bucket are asked with what the operating system or their client holds."""
    text = "".join(file.read_text("utf-8") for file in [*PYTHON, *ROOT.glob("docs/*.md")])
    assert re.findall(r"://[\w-]+:[^@/\s]+@", text) == []
    assert "aws_secret" not in text and "aws_access_key" not in text


@pytest.mark.asvs("11.4.4")
def test_keys_from_pins_and_passphrases_are_stretched():
    script = (ROOT / "static/field/pin_keys.js").read_text("utf-8")
    (rounds,) = re.findall(r"const ROUNDS = ([\d_]+);", script)
    assert int(rounds) >= 600_000 and '"PBKDF2", hash: "SHA-256"' in script
    from server.maintenance.backup_seal import SCRYPT_COST

    assert SCRYPT_COST >= 2**15


def forms_by_get() -> str:
    """The forms whose content becomes part of an address; those of the phone stay on it."""
    pages = [*data_folder("templates").glob("*.html"), *data_folder("templates/desk").rglob("*")]
    texts = [file.read_text("utf-8") for file in pages if file.is_file()]
    forms = re.findall(r"<form\b(.*?)</form>", "\n".join(texts), re.DOTALL)
    return "\n".join(form for form in forms if 'method="post"' not in form.partition(">")[0])


@pytest.mark.asvs("14.2.1")
def test_no_secret_becomes_part_of_an_address(sqlite_app):
    secret = r'name="(?:password|new|pin|token|passphrase)"'
    assert not re.search(secret, forms_by_get())
    arguments = set().union(*(rule.arguments for rule in sqlite_app.url_map.iter_rules()))
    assert not arguments & {"token", "session", "password", "pin", "key"}
