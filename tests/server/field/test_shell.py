"""What a phone fetches once: one version, one tree, cached for ever; the way in to it, never."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server import create_app
from server.field.compiler.bundle import Bundle, field_templates
from server.field.shell import get_bundle
from sync import KINDS
from sync.protocol.clock import SITE_ZONE


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("field")
    url = f"sqlite:///{folder / 'lodge.sqlite3'}"
    return create_app({"SQLALCHEMY_DATABASE_URI": url, "DATA_DIR": str(folder), "TESTING": True})


@pytest.fixture
def field_build(app: Flask) -> Bundle:
    return get_bundle(app)


@pytest.mark.parametrize("address", ["/field/", "/field/tasks", "/field/task/1", "/field/build"])
def test_every_field_address_is_the_same_shell(
    client: FlaskClient, field_build: Bundle, address: str
) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    assert field_build.asset_url("field/app.js") in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy and "'unsafe-eval'" not in policy


def test_the_worker_changes_with_every_version(client: FlaskClient, field_build: Bundle) -> None:
    answer = client.get("/sw.js")
    assert answer.text == f'import "/field/build/{field_build.version}/sw.js";\n'
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Service-Worker-Allowed"] == "/"
    assert answer.mimetype == "text/javascript"


def test_the_phone_gets_the_time_zone_of_the_sites(
    client: FlaskClient, field_build: Bundle
) -> None:
    text = client.get(field_build.asset_url("shell.js")).text
    assert f'export const SITE_ZONE = "{SITE_ZONE}";' in text


def test_everything_that_the_worker_keeps_is_there(
    client: FlaskClient, field_build: Bundle
) -> None:
    text = client.get(field_build.asset_url("shell.js")).text
    listed = text.split("export const SHELL = ")[1].split(";\n")[0]
    shell = json.loads(listed)
    assert {field_build.asset_url(name) for name in field_build.generated} < set(shell)
    for address in shell:
        answer = client.get(address)
        assert answer.status_code == 200, address
        forever = answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert forever == address.startswith(field_build.base_url), address
        answer.close()


@pytest.mark.parametrize("name", ["templates.js", "field/app.js", "../field/app.js"])
def test_another_version_is_gone(client: FlaskClient, name: str) -> None:
    assert client.get(f"/field/build/0123456789abcdef/{name}").status_code == 404


@pytest.mark.parametrize("name", ["gone.js", "../pyproject.toml", "%2e%2e/pyproject.toml", ""])
def test_nothing_else_is_served(client: FlaskClient, field_build: Bundle, name: str) -> None:
    assert client.get(field_build.base_url + name).status_code in (404, 200)
    assert "[project]" not in client.get(field_build.base_url + name).text


def test_the_kinds_are_those_of_sync_that_phones_may_send(
    client: FlaskClient, field_build: Bundle
) -> None:
    text = client.get(field_build.asset_url("kinds.js")).text
    kinds = json.loads(text.removeprefix("export default ").removesuffix(";\n"))
    assert kinds.keys() == {name for name, kind in KINDS.items() if kind.from_phones}
    arrive = kinds["visit.arrive"]
    assert arrive["creates"] and arrive["fact"] and arrive["v"] == 1
    assert arrive["fields"]["party_size"] == "integer"
    assert arrive["fields"]["id_checked"] == "boolean"
    assert kinds["task.complete"]["fields"] == {"note": "string", "photos": "list"}


def test_the_manifest_makes_the_page_installable(client: FlaskClient) -> None:
    manifest = client.get("/manifest.webmanifest").get_json(force=True)
    assert manifest["start_url"] == "/field/"
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    for icon in manifest["icons"]:
        answer = client.get(icon["src"])
        assert answer.mimetype == icon["type"]
        answer.close()


def test_one_byte_more_is_another_version(app: Flask, tmp_path: Path) -> None:
    from server.field.compiler.bundle import build_bundle as make

    before, static = make(app).version, app.static_folder
    (tmp_path / "sw.js").write_text("// another")
    app.static_folder = str(tmp_path)
    assert make(app).version != before
    app.static_folder = static
    assert make(app).version == before


def test_the_shell_itself_is_not_compiled(app: Flask) -> None:
    assert "field/tasks.html" in field_templates(app)
    assert "field/shell.html" not in field_templates(app)
