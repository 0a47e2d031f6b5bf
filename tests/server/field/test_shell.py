"""What phones cache: the bundle is cached for ever, the shell and the worker are revalidated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server import create_app
from server.field.compiler.bundle import Bundle, build_bundle, field_templates
from server.field.shell import get_bundle
from sync import KINDS
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import ROLE_PAGES


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("field")
    url = f"sqlite:///{folder / 'lodge.sqlite3'}"
    return create_app({"SQLALCHEMY_DATABASE_URI": url, "DATA_DIR": str(folder), "TESTING": True})


@pytest.fixture
def field_build(app: Flask) -> Bundle:
    return get_bundle(app)


@pytest.mark.parametrize("address", ["/field/", "/field/tasks", "/field/task/1", "/field/build"])
def test_every_field_address_serves_the_same_shell(
    client: FlaskClient, field_build: Bundle, address: str
) -> None:
    response = client.get(address)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-cache"
    assert field_build.asset_url("field/app.js") in response.text
    policy = response.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy and "'unsafe-eval'" not in policy


def test_worker_imports_the_current_version(client: FlaskClient, field_build: Bundle) -> None:
    response = client.get("/sw.js")
    assert response.text == f'import "/field/build/{field_build.version}/sw.js";\n'
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Service-Worker-Allowed"] == "/"
    assert response.mimetype == "text/javascript"


def test_shell_module_has_the_time_zone_of_the_sites(
    client: FlaskClient, field_build: Bundle
) -> None:
    text = client.get(field_build.asset_url("shell.js")).text
    assert f'export const SITE_ZONE = "{SITE_ZONE}";' in text


def test_shell_module_has_the_tabs_of_each_role(client: FlaskClient, field_build: Bundle) -> None:
    text = client.get(field_build.asset_url("shell.js")).text
    told = json.loads(text.split("export const ROLE_PAGES = ")[1].split(";\n")[0])
    assert {role: tuple(pages) for role, pages in told} == dict(ROLE_PAGES)


def test_every_precached_address_is_served(client: FlaskClient, field_build: Bundle) -> None:
    text = client.get(field_build.asset_url("shell.js")).text
    listed = text.split("export const SHELL = ")[1].split(";\n")[0]
    shell = json.loads(listed)
    assert {field_build.asset_url(name) for name in field_build.generated} < set(shell)
    for address in shell:
        response = client.get(address)
        assert response.status_code == 200, address
        forever = response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert forever == address.startswith(field_build.base_url), address
        response.close()


@pytest.mark.parametrize("name", ["templates.js", "field/app.js", "../field/app.js"])
def test_file_of_another_version_is_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/field/build/0123456789abcdef/{name}").status_code == 404


@pytest.mark.parametrize("name", ["gone.js", "../pyproject.toml", "%2e%2e/pyproject.toml", ""])
def test_files_outside_the_bundle_are_not_served(
    client: FlaskClient, field_build: Bundle, name: str
) -> None:
    assert client.get(field_build.base_url + name).status_code in (404, 200)
    assert "[project]" not in client.get(field_build.base_url + name).text


def test_kinds_manifest_lists_the_kinds_that_phones_may_send(
    client: FlaskClient, field_build: Bundle
) -> None:
    text = client.get(field_build.asset_url("kinds.js")).text
    kinds = json.loads(text.removeprefix("export default ").removesuffix(";\n"))
    assert kinds.keys() == {name for name, kind in KINDS.items() if kind.from_phones}
    arrive = kinds["visit.arrive"]
    assert arrive["creates"] and arrive["fact"]
    assert arrive["v"] == KINDS["visit.arrive"].payload_version
    assert arrive["fields"]["party_size"] == "integer"
    assert arrive["fields"]["id_checked"] == "boolean"
    assert kinds["task.complete"]["fields"].items() >= {"note": "string", "photos": "list"}.items()


def test_web_app_manifest_and_its_icons_are_served(client: FlaskClient) -> None:
    manifest = client.get("/manifest.webmanifest").get_json(force=True)
    assert manifest["start_url"] == "/field/"
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    for icon in manifest["icons"]:
        response = client.get(icon["src"])
        assert response.mimetype == icon["type"]
        response.close()


def test_any_changed_byte_changes_the_version(app: Flask, tmp_path: Path) -> None:
    before, static = build_bundle(app).version, app.static_folder
    (tmp_path / "sw.js").write_text("// another")
    app.static_folder = str(tmp_path)
    assert build_bundle(app).version != before
    app.static_folder = static
    assert build_bundle(app).version == before


def test_shell_template_is_not_compiled(app: Flask) -> None:
    assert "field/tasks.html" in field_templates(app)
    assert "field/shell.html" not in field_templates(app)
