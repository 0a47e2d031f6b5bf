"""Access rules of routes, sessions, and security headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select, update

from server.auth.access import DEVICE_TOKEN, PUBLIC, access_rule
from server.auth.credentials import token_digest
from server.auth.security_headers import SAFE_METHODS
from server.auth.sessions import IDLE_TIMEOUT, MAX_LIFETIME
from server.db.engine import db, write_transaction
from server.desk.lists.pages import LISTS
from server.models.access import LoginSession
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.protocol.roles import ROLES
from tests import seed_data
from tests.server.conftest import SAME_ORIGIN_HEADERS
from tests.soak import SOAK

ON_SQLITE = pytest.mark.parametrize(
    "database_url", ["sqlite", "postgresql"] if SOAK else ["sqlite"], indirect=True
)
"""What is refused before a record is read does not depend on the database; `make soak` has both."""


LIST_ROUTES = ("filter", "file", "save", "view", "delete", "bulk")
"""What `register_list` adds to the page of each list, by the end of its endpoint."""
WALKED_LISTS = ("tickets.index", "security_log.index")
"""The lists whose routes are all asked. Those of the others have the same views and rules, which
`test_every_route_of_a_list_has_the_rule_of_its_page` shows; `make soak` asks all of them."""


def routes(app: Flask, *, unsafe_only: bool = False) -> list[tuple[str, str, object]]:
    """Every route as (method, path, access rule), with ids that do not exist in its path."""
    pages = {endpoint for _, endpoint in LISTS.values() if endpoint not in WALKED_LISTS}
    alike = {f"{page}_{name}" for page in pages for name in LIST_ROUTES}
    described = []
    for route in app.url_map.iter_rules():
        if route.endpoint in alike and not SOAK:
            continue
        methods = {"GET", "POST", "PUT", "PATCH", "DELETE"} & route.methods
        blanks = {name: str(uuid4()) for name in route.arguments} | (
            {"type": "ticket"} if "type" in route.arguments else {}
        )
        address = app.url_map.bind("localhost").build(route.endpoint, blanks)
        rule = access_rule(app, route.endpoint)
        described += [
            (m, address, rule) for m in methods if not (unsafe_only and m in SAFE_METHODS)
        ]
    return described


@pytest.mark.asvs("8.1.1", "8.2.1")
def test_every_route_declares_its_access_rule(app):
    silent = [e for e in app.view_functions if access_rule(app, e) is None]
    assert silent == []


@pytest.mark.asvs("8.2.1", "8.3.1")
def test_every_route_of_a_list_has_the_rule_of_its_page(app):
    assert LISTS
    for list_, page in LISTS.values():
        assert access_rule(app, page) == frozenset(list_.roles), page
        for name in LIST_ROUTES:
            assert access_rule(app, f"{page}_{name}") == access_rule(app, page), (page, name)


@pytest.mark.asvs("8.2.1", "16.5.3")
def test_a_route_without_an_access_rule_is_refused(fresh_app):
    fresh_app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    response = fresh_app.test_client().get("/forgotten")
    assert response.status_code == 403
    assert b"secret" not in response.data


@ON_SQLITE
@pytest.mark.asvs("7.2.1", "8.3.1")
def test_routes_require_signing_in(app, client):
    for method, address, rule in routes(app):
        response = client.open(address, method=method, headers=SAME_ORIGIN_HEADERS)
        if rule == DEVICE_TOKEN:
            assert response.status_code == 401, address
            assert response.content_type == "application/problem+json"
        elif rule != PUBLIC:
            assert response.status_code == 303, address
            assert response.location.startswith("/sign-in"), address


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.asvs("8.2.1", "8.3.1")
def test_every_route_allows_the_roles_it_declares_and_no_others(app, desk_op, signed_in, role):
    is_sqlite = "sqlite" in app.config["SQLALCHEMY_DATABASE_URI"]
    if not (is_sqlite or SOAK or role in ("cleaner", "manager")):
        pytest.skip("two roles show that PostgreSQL does the same")
    person = str(uuid4())
    desk_op("person.add", person, {"name": "Somebody", "roles": [role]}, by=seed_data.EVE)
    for method, address, rule in routes(app):
        if rule in (PUBLIC, DEVICE_TOKEN):
            continue

        browser = signed_in(person)
        response = browser.client.open(address, method=method, headers=SAME_ORIGIN_HEADERS)
        assert (response.status_code == 403) == (role not in rule), (role, method, address)
        assert response.status_code < 500, (role, method, address)


@pytest.mark.asvs("8.2.1")
def test_a_session_cookie_gives_no_access_to_phone_routes(app, ben):
    for method, address, rule in routes(app):
        if rule == DEVICE_TOKEN:
            assert (
                ben.client.open(address, method=method, headers=SAME_ORIGIN_HEADERS).status_code
                == 401
            )


CROSS_SITE_HEADERS = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:81"},
]


@ON_SQLITE
@pytest.mark.asvs("3.5.1")
def test_cross_site_writes_are_refused(app, ben):
    for method, address, rule in routes(app, unsafe_only=True):
        if rule == DEVICE_TOKEN or address.startswith("/sync/"):
            continue
        for headers in CROSS_SITE_HEADERS:
            response = ben.client.open(address, method=method, headers=headers)
            assert response.status_code == 403, (method, address, headers)
    assert ben.get("/desk/").status_code == 200, "the session is still active"


OPS_BESIDES_SECURITY_LOG = "SELECT count(*) FROM op WHERE subject_type <> 'access'"


@pytest.mark.asvs("3.5.3")
def test_get_requests_change_nothing(app, ben, desk_op):
    ticket = {"channel": "phone", "matter": "report", "contact": "5", "details": "A leak"}
    desk_op("ticket.open", None, ticket)
    with app.app_context():
        before = db.session.connection().exec_driver_sql(OPS_BESIDES_SECURITY_LOG).scalar()
    for method, address, rule in routes(app):
        if method == "GET" and rule != DEVICE_TOKEN:
            ben.get(address)
    with app.app_context():
        after = db.session.connection().exec_driver_sql(OPS_BESIDES_SECURITY_LOG).scalar()
    assert after == before


EXPECTED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@ON_SQLITE
@pytest.mark.asvs("3.4.3", "3.4.4", "3.4.5", "3.4.6", "3.2.1", "14.2.2", "14.3.2")
@pytest.mark.asvs("3.4.2", "1.3.2")
def test_every_response_has_security_headers(app, ben):
    for method, address, rule in routes(app):
        response = ben.client.open(address, method=method, headers=SAME_ORIGIN_HEADERS)
        policy = response.headers["Content-Security-Policy"]
        for must in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert must in policy or "default-src 'none'" in policy, address
        loose = ("'unsafe-inline'", "'unsafe-eval'", "'strict-dynamic'")
        assert not [word for word in loose if word in policy], address
        assert "Access-Control-Allow-Origin" not in response.headers
        for name, value in EXPECTED_HEADERS.items():
            assert response.headers[name] == value, address
        assert "Referrer-Policy" in response.headers
        if rule != PUBLIC:
            assert "no-store" in response.headers["Cache-Control"], address


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4")
@pytest.mark.asvs("3.5.4")
def test_over_https_the_cookie_is_secure_and_bound_to_the_host(app, bens_password, new_browser):
    desk = new_browser()
    secure = {"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}
    response = desk.sign_in("ben", headers=secure, base_url="https://localhost")
    session = next(
        c for c in response.headers.getlist("Set-Cookie") if c.startswith("__Host-lodge=")
    )
    for must in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert must in session
    assert "Domain" not in session
    assert "max-age=63072000" in response.headers["Strict-Transport-Security"]


def test_over_http_the_cookie_is_not_secure(bens_password, new_browser):
    response = new_browser().sign_in("ben")
    session = next(c for c in response.headers.getlist("Set-Cookie") if c.startswith("lodge="))
    assert "HttpOnly" in session and "Secure" not in session


@pytest.mark.asvs("7.4.1")
def test_signing_out_ends_the_session(ben):
    token = ben.client.get_cookie("lodge").value
    ben.post("/sign-out")
    ben.client.set_cookie("lodge", token)
    assert ben.get("/desk/").status_code == 303


@pytest.mark.asvs("7.2.4")
@pytest.mark.asvs("7.2.2")
def test_signing_in_gives_a_new_token(app, ben, bens_password):
    before = ben.client.get_cookie("lodge").value
    ben.sign_in("ben")
    after = ben.client.get_cookie("lodge").value
    assert after != before
    ben.client.set_cookie("lodge", before)
    assert ben.get("/desk/").status_code == 303, "the old session has ended"


@pytest.mark.asvs("7.2.3")
def test_only_the_hash_of_a_token_is_stored(app, ben):
    token = ben.client.get_cookie("lodge").value
    with app.app_context():
        assert db.session.scalars(select(LoginSession.token_hash)).all() == [token_digest(token)]
    assert len(token) >= 43, "256 bits"


@pytest.mark.asvs("7.3.1", "7.3.2")
@pytest.mark.parametrize(
    "aged",
    [
        {"seen_at": -IDLE_TIMEOUT - timedelta(seconds=1)},
        {"expires_at": -timedelta(seconds=1)},
    ],
)
@pytest.mark.asvs("7.3.1", "7.3.2")
def test_a_session_expires(app, ben, aged):
    now = datetime.now(UTC)
    with app.app_context(), write_transaction():
        db.session.execute(update(LoginSession).values({n: now + by for n, by in aged.items()}))
    assert ben.get("/desk/").status_code == 303
    assert IDLE_TIMEOUT < MAX_LIFETIME


@pytest.mark.asvs("7.4.2")
def test_a_session_ends_when_its_person_leaves(desk_op, signed_in):
    eve = signed_in(seed_data.EVE)
    assert eve.get("/desk/").status_code == 200
    desk_op("person.leave", seed_data.EVE, by=seed_data.EVE)
    assert eve.get("/desk/").status_code == 303


@pytest.mark.asvs("7.4.2")
def test_a_session_ends_when_its_person_loses_the_desk(desk_op, signed_in):
    """Getting the role back does not bring it back."""
    ben, roles = signed_in(seed_data.BEN), (["service_desk"], ["cleaner"], ["supervisor"])
    statuses = []
    for each in roles:
        desk_op("person.revise", seed_data.BEN, {"roles": each}, by=seed_data.EVE)
        statuses.append(ben.get("/desk/").status_code)
    assert statuses == [200, 303, 303]


def test_an_htmx_request_without_a_session_redirects_the_page(client):
    response = client.get("/desk/today/news", headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/sign-in"


@pytest.mark.asvs("8.2.2", "8.4.1")
def test_a_user_of_another_site_sees_no_records(app, desk_op, dao):
    ticket = {"channel": "phone", "matter": "report", "contact": "5", "details": "A secret leak"}
    desk_op("ticket.open", seed_data.fixed_id("t"), ticket)
    desk_op("visit.arrive", seed_data.fixed_id("v"), {"visitor": "Ms Secret", "purpose": "family"})
    ours = {
        "task": seed_data.TASK,
        "ticket": seed_data.fixed_id("t"),
        "visit": seed_data.fixed_id("v"),
        "area": seed_data.STAIRS,
        "person": seed_data.ANA,
        "site": seed_data.HOME_SITE,
    }
    for type_, id_ in ours.items():
        assert dao.get(f"/desk/record/{type_}/{id_}").status_code == 404
    assert dao.get(f"/desk/today/{seed_data.STAIRS}").status_code == 404
    for page in ("/desk/", "/desk/visits/", "/desk/tickets/", "/desk/people/", "/desk/aside/"):
        text = dao.get(page).text
        for secret in ("Secret", "secret leak", "Ana", "Stairs", "楼道"):
            assert secret not in text, page


@pytest.mark.asvs("7.2.4")
def test_switching_sites_gives_a_new_token(app, desk_op, signed_in):
    hired = {"name": "Ben", "roles": ["supervisor"]}
    desk_op("person.add", seed_data.BEN, hired, by=SERVER_AUTHOR_ID, site=seed_data.OTHER_SITE)
    ben = signed_in(seed_data.BEN, seed_data.HOME_SITE)
    assert ben.get(f"/desk/record/area/{seed_data.OTHER_GATE}").status_code == 404
    before = ben.client.get_cookie("lodge").value
    assert ben.post("/site", {"site_id": seed_data.OTHER_SITE}).status_code == 303
    assert ben.client.get_cookie("lodge").value != before
    assert ben.get(f"/desk/record/area/{seed_data.OTHER_GATE}").status_code == 200
    assert ben.get(f"/desk/record/area/{seed_data.STAIRS}").status_code == 404


@pytest.mark.asvs("8.2.2")
def test_switching_to_a_foreign_site_is_not_found(ben):
    assert ben.post("/site", {"site_id": seed_data.OTHER_SITE}).status_code == 404


@pytest.mark.asvs("16.5.1")
def test_error_pages_reveal_no_internals(fresh_app):
    fresh_app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)

    def broken() -> str:
        raise RuntimeError("the password is swordfish")

    broken.allowed = PUBLIC
    fresh_app.add_url_rule("/broken", "broken", broken)
    client = fresh_app.test_client()
    page = client.get("/broken")
    assert page.status_code == 500
    assert "swordfish" not in page.text and "Traceback" not in page.text
    program = client.get("/broken", headers={"Accept": "application/json"})
    assert program.content_type == "application/problem+json"
    assert program.json["detail"]


@pytest.mark.asvs("5.2.1")
def test_a_body_that_is_too_large_is_refused(app, ben):
    response = ben.post("/language", {"lang": "x" * 5_000_000})
    assert response.status_code == 413
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = part + bytes(34_000_000) + b"\r\n--x--\r\n"
    sent = ben.post("/desk/visits/expect", body, content_type="multipart/form-data; boundary=x")
    assert sent.status_code == 413


@ON_SQLITE
@pytest.mark.asvs("3.7.2")
def test_sign_in_redirects_only_to_local_paths(app, ben, bens_password):
    for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "evil", "/\n/evil"):
        response = ben.post(
            "/sign-in", {"username": "ben", "password": bens_password, "next": evil}
        )
        assert response.location in ("/", "/desk/"), evil


@pytest.mark.asvs("7.6.2")
def test_only_signing_in_creates_sessions(app, client):
    client.get("/")
    client.get("/sign-in")
    with app.app_context():
        assert db.session.scalars(select(LoginSession)).all() == []
