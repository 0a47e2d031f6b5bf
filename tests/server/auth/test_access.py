"""Who may come in, and where: the gate, sessions, what browsers must say."""

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
from server.models.access import LoginSession
from sync.protocol.op import SERVER_AUTHOR_ID
from sync.protocol.roles import ROLES
from tests import seed_data
from tests.server.conftest import SAME_ORIGIN_HEADERS


def routes(app: Flask, *, unsafe_only: bool = False) -> list[tuple[str, str, object]]:
    """Every route as (method, address, rule), its blanks filled with what is not there."""
    found = []
    for route in app.url_map.iter_rules():
        methods = {"GET", "POST", "PUT", "PATCH", "DELETE"} & route.methods
        blanks = {name: str(uuid4()) for name in route.arguments} | (
            {"type": "ticket"} if "type" in route.arguments else {}
        )
        address = app.url_map.bind("localhost").build(route.endpoint, blanks)
        rule = access_rule(app, route.endpoint)
        found += [(m, address, rule) for m in methods if not (unsafe_only and m in SAFE_METHODS)]
    return found


def test_every_route_declares_who_may_come(app):
    silent = [e for e in app.view_functions if access_rule(app, e) is None]
    assert silent == []


def test_a_route_that_declares_nothing_is_shut(fresh_app):
    fresh_app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = fresh_app.test_client().get("/forgotten")
    assert answer.status_code == 403
    assert b"secret" not in answer.data


def test_nobody_gets_past_the_gate_without_signing_in(app, client):
    for method, address, rule in routes(app):
        answer = client.open(address, method=method, headers=SAME_ORIGIN_HEADERS)
        if rule == DEVICE_TOKEN:
            assert answer.status_code == 401, address
            assert answer.content_type == "application/problem+json"
        elif rule != PUBLIC:
            assert answer.status_code == 303, address
            assert answer.location.startswith("/sign-in"), address


@pytest.mark.parametrize("role", ROLES)
def test_every_route_takes_the_roles_it_names_and_no_others(app, desk_op, signed_in, role):
    person = str(uuid4())
    desk_op("person.add", person, {"name": "Somebody", "roles": [role]}, by=seed_data.EVE)
    for method, address, rule in routes(app):
        if rule in (PUBLIC, DEVICE_TOKEN):
            continue
        sitting = signed_in(person)
        answer = sitting.client.open(address, method=method, headers=SAME_ORIGIN_HEADERS)
        assert (answer.status_code == 403) == (role not in rule), (role, method, address)
        assert answer.status_code < 500, (role, method, address)


def test_the_desks_cookie_opens_nothing_of_a_phones(app, ben):
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


def test_no_other_site_can_make_a_browser_write(app, ben):
    for method, address, rule in routes(app, unsafe_only=True):
        if rule == DEVICE_TOKEN or address.startswith("/sync/"):
            continue
        for said in CROSS_SITE_HEADERS:
            answer = ben.client.open(address, method=method, headers=said)
            assert answer.status_code == 403, (method, address, said)
    assert ben.get("/desk/").status_code == 200, "and the session is still there"


def test_looking_changes_nothing(app, ben, desk_op):
    ticket = {"channel": "phone", "matter": "report", "contact": "5", "details": "A leak"}
    desk_op("ticket.open", None, ticket)
    with app.app_context():
        before = db.session.connection().exec_driver_sql("SELECT head, judged FROM site_feed").all()
    for method, address, rule in routes(app):
        if method == "GET" and rule != DEVICE_TOKEN:
            ben.get(address)
    with app.app_context():
        after = db.session.connection().exec_driver_sql("SELECT head, judged FROM site_feed").all()
    assert after == before


EXPECTED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def test_every_answer_tells_the_browser_to_be_careful(app, ben):
    for method, address, rule in routes(app):
        answer = ben.client.open(address, method=method, headers=SAME_ORIGIN_HEADERS)
        policy = answer.headers["Content-Security-Policy"]
        for must in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert must in policy or "default-src 'none'" in policy, address
        loose = ("'unsafe-inline'", "'unsafe-eval'", "'strict-dynamic'")
        assert not [word for word in loose if word in policy], address
        assert "Access-Control-Allow-Origin" not in answer.headers
        for name, value in EXPECTED_HEADERS.items():
            assert answer.headers[name] == value, address
        assert "Referrer-Policy" in answer.headers
        if rule != PUBLIC:
            assert "no-store" in answer.headers["Cache-Control"], address


def test_over_tls_the_cookie_is_bound_to_this_host(app, bens_password, new_browser):
    desk = new_browser()
    secure = {"Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}
    answer = desk.sign_in("ben", headers=secure, base_url="https://localhost")
    session = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Host-lodge="))
    for must in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert must in session
    assert "Domain" not in session
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]


def test_plain_http_on_a_lan_has_a_plain_cookie(bens_password, new_browser):
    answer = new_browser().sign_in("ben")
    session = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("lodge="))
    assert "HttpOnly" in session and "Secure" not in session


def test_a_session_dies_with_signing_out(ben):
    kept = ben.client.get_cookie("lodge").value
    ben.post("/sign-out")
    ben.client.set_cookie("lodge", kept)
    assert ben.get("/desk/").status_code == 303


def test_signing_in_gives_a_new_token(app, ben, bens_password):
    before = ben.client.get_cookie("lodge").value
    ben.sign_in("ben")
    after = ben.client.get_cookie("lodge").value
    assert after != before
    ben.client.set_cookie("lodge", before)
    assert ben.get("/desk/").status_code == 303, "the old one is gone"


def test_a_token_is_kept_only_as_its_hash(app, ben):
    token = ben.client.get_cookie("lodge").value
    with app.app_context():
        assert db.session.scalars(select(LoginSession.token_hash)).all() == [token_digest(token)]
    assert len(token) >= 43, "256 bits"


@pytest.mark.parametrize(
    "aged",
    [
        {"seen_at": -IDLE_TIMEOUT - timedelta(seconds=1)},
        {"expires_at": -timedelta(seconds=1)},
    ],
)
def test_a_session_ends_by_itself(app, ben, aged):
    now = datetime.now(UTC)
    with app.app_context(), write_transaction():
        db.session.execute(update(LoginSession).values({n: now + by for n, by in aged.items()}))
    assert ben.get("/desk/").status_code == 303
    assert IDLE_TIMEOUT < MAX_LIFETIME


def test_the_session_of_somebody_who_leaves_ends(desk_op, signed_in):
    eve = signed_in(seed_data.EVE)
    assert eve.get("/desk/").status_code == 200
    desk_op("person.leave", seed_data.EVE, by=seed_data.EVE)
    assert eve.get("/desk/").status_code == 303


def test_a_part_of_a_page_leaves_the_page_to_sign_in(client):
    answer = client.get("/desk/today/news", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_dao_sees_nothing_of_home(app, desk_op, dao):
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
    for page in ("/desk/", "/desk/visits/", "/desk/tickets/", "/desk/people/", "/desk/aside"):
        text = dao.get(page).text
        for secret in ("Secret", "secret leak", "Ana", "Stairs", "楼道"):
            assert secret not in text, page


def test_a_person_of_two_sites_switches_and_gets_a_new_token(app, desk_op, signed_in):
    hired = {"name": "Ben", "roles": ["supervisor"]}
    desk_op("person.add", seed_data.BEN, hired, by=SERVER_AUTHOR_ID, site=seed_data.OTHER_SITE)
    ben = signed_in(seed_data.BEN, seed_data.HOME_SITE)
    assert ben.get(f"/desk/record/area/{seed_data.OTHER_GATE}").status_code == 404
    before = ben.client.get_cookie("lodge").value
    assert ben.post("/site", {"site_id": seed_data.OTHER_SITE}).status_code == 303
    assert ben.client.get_cookie("lodge").value != before
    assert ben.get(f"/desk/record/area/{seed_data.OTHER_GATE}").status_code == 200
    assert ben.get(f"/desk/record/area/{seed_data.STAIRS}").status_code == 404


def test_nobody_switches_to_a_site_that_is_not_theirs(ben):
    assert ben.post("/site", {"site_id": seed_data.OTHER_SITE}).status_code == 404


def test_errors_say_what_helps_and_nothing_of_the_inside(fresh_app):
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


def test_a_body_that_is_too_big_is_refused(app, ben):
    answer = ben.post("/language", {"lang": "x" * 5_000_000})
    assert answer.status_code == 413


def test_only_a_path_of_ours_is_gone_back_to(app, ben, bens_password):
    for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "evil", "/\n/evil"):
        answer = ben.post("/sign-in", {"username": "ben", "password": bens_password, "next": evil})
        assert answer.location in ("/", "/desk/"), evil


def test_sessions_are_made_by_signing_in_alone(app, client):
    client.get("/")
    client.get("/sign-in")
    with app.app_context():
        assert db.session.scalars(select(LoginSession)).all() == []
