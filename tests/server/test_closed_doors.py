"""What a server must not answer: files of its own, other methods, debugging."""

import pytest

from tests.seed_data import HOME_SITE

FORGOTTEN = (
    "/.git/HEAD",
    "/.env",
    "/pyproject.toml",
    "/var/secret-key",
    "/static/",
    "/static/field/",
)
INSIDE = ("/metrics", "/debug", "/console", "/server-status", "/docs", "/swagger", "/status")
CLIMBING = ("/static/../pyproject.toml", "/static/%2e%2e/README.md")
FOREIGN = {"Origin": "https://evil.example"}


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.mark.asvs("13.4.1", "13.4.3")
@pytest.mark.parametrize("path", [*FORGOTTEN, *CLIMBING])
def test_no_file_of_the_repository_and_no_folder_is_served(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.asvs("13.4.4")
@pytest.mark.parametrize("path", ["/", "/sign-in", "/desk/", "/sync/hello"])
def test_trace_is_refused(client, path):
    assert client.open(path, method="TRACE").status_code in (404, 405)


@pytest.mark.asvs("13.4.2")
def test_debugging_is_off(app):
    assert not app.debug and not app.config["DEBUG"]


@pytest.mark.asvs("3.4.2", "3.5.2")
@pytest.mark.parametrize("path", ["/sync/enrol", "/sync/hello"])
def test_another_site_is_told_nothing_and_cannot_use_a_simple_request(client, path):
    preflight = client.options(path, headers={**FOREIGN, "Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in preflight.headers
    for type_ in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        sent = client.post(path, data=b"{}", headers={**FOREIGN, "Content-Type": type_})
        assert 400 <= sent.status_code < 500, type_
        assert "Access-Control-Allow-Origin" not in sent.headers


@pytest.mark.asvs("13.4.5")
def test_nothing_is_told_about_the_inside(client):
    """The description of the API is in the source, and says nothing of this server."""
    assert {client.get(path).status_code for path in INSIDE} == {404}
    assert client.get("/healthz").json == {"status": "ok"}
    described = client.get("/sync/openapi.json").get_data(as_text=True)
    assert HOME_SITE not in described and "sqlite" not in described


@pytest.mark.asvs("15.3.7")
def test_a_name_that_stands_twice_counts_once(client, phone, ben):
    twice = "inside_since=2026-03-01&inside_since=2026-04-01"
    first = ben.get(f"/desk/visits/?{twice}").text
    assert 'value="2026-03-01T00:00"' in first and "2026-04-01" not in first
    body = b'{"code": "AAAA-AAAA", "code": 7, "label": "x", "language": "zh"}'
    twice = client.post("/sync/enrol", data=body, content_type="application/json")
    assert twice.status_code == 422 and "code" in twice.json["errors"], "the last one counts"
