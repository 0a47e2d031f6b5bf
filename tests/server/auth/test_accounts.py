"""A person's own account, and what managers may do with those of others."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import assume, given, settings
from hypothesis.strategies import characters
from hypothesis.strategies import text as words
from sqlalchemy import select, update
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from server.auth.credentials import set_password
from server.auth.password_rules import MIN_PASSWORD_LENGTH, password_weakness
from server.auth.sessions import RECENT
from server.db.engine import db, write_transaction
from server.models.access import Account, Device, LoginSession
from server.models.places import Site
from sync.protocol.op import SERVER_AUTHOR_ID
from tests import seed_data
from tests.seed_data import ANA, BEN, EVE, HOME_SITE, OTHER_SITE
from tests.server.conftest import PASSWORD, DeskBrowser

FIRST = "first-password-of-ben"
OWN = "nine grey geese at dawn"


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.fixture
def new_browser(new_browser: Callable[[], DeskBrowser]) -> Callable[[], DeskBrowser]:
    return lambda: in_english(new_browser())


@pytest.fixture
def signed_in(signed_in: Callable[..., DeskBrowser]) -> Callable[..., DeskBrowser]:
    return lambda *who: in_english(signed_in(*who))


def in_english(browser: DeskBrowser) -> DeskBrowser:
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


@pytest.fixture
def first_password(app: Flask) -> str:
    with app.app_context(), write_transaction():
        set_password(BEN, "ben", FIRST, first=True)
    return FIRST


def age_sessions(app: Flask, by: timedelta) -> None:
    with app.app_context(), write_transaction():
        proven = datetime.now(UTC) - by
        db.session.execute(update(LoginSession).values(proven_at=proven))


@pytest.mark.asvs("6.4.1")
def test_a_first_password_opens_only_the_page_to_change_it_and_only_once(
    app, first_password, new_browser
):
    ben = new_browser()
    assert ben.sign_in("ben", FIRST).status_code == 303
    for page in ("/desk/", "/desk/tickets/", "/desk/today/news"):
        assert ben.get(page).location.startswith("/desk/account"), page
    assert new_browser().sign_in("ben", FIRST).status_code == 401, "it was used"
    changed = ben.post("/desk/account", {"password": FIRST, "new": OWN})
    assert changed.status_code == 303
    assert ben.get("/desk/").status_code == 200
    assert new_browser().sign_in("ben", OWN).status_code == 303


@pytest.mark.asvs("6.4.1")
def test_a_first_password_ends_after_seven_days(app, first_password, new_browser):
    with app.app_context(), write_transaction():
        account = db.session.scalar(Account.by_username("ben"))
        account.first_until -= timedelta(days=7, minutes=1)
    answer = new_browser().sign_in("ben", FIRST)
    assert answer.status_code == 401 and "Ask for a new one" in answer.text


@pytest.mark.asvs("6.2.2", "6.2.3")
def test_changing_the_password_needs_the_current_one(signed_in, bens_password):
    ben = signed_in(BEN)
    assert 'autocomplete="current-password"' in ben.get("/desk/account").text
    wrong = ben.post("/desk/account", {"password": "not this one", "new": OWN})
    assert wrong.status_code == 400
    same = ben.post("/desk/account", {"password": PASSWORD, "new": PASSWORD})
    assert same.status_code == 400
    assert ben.post("/desk/account", {"password": PASSWORD, "new": OWN}).status_code == 303


@pytest.mark.asvs("6.1.2", "6.2.11")
@pytest.mark.parametrize(
    "new", ["{site} 2026", "{site}{site}99", "Ben2026Ben2026", "lodge-lodge-2026!"]
)
def test_names_of_site_person_and_product_are_no_password(app, signed_in, bens_password, new):
    with app.app_context():
        label = db.session.get_one(Site, (HOME_SITE, HOME_SITE)).label
    for site in label.values():
        typed = new.format(site=site).ljust(10, "1")
        answer = signed_in(BEN).post("/desk/account", {"password": PASSWORD, "new": typed})
        assert answer.status_code == 400 and "Too easy to guess" in answer.text, typed


@pytest.mark.asvs("7.5.2")
def test_people_see_their_sessions_and_end_them(app, signed_in):
    here, there = signed_in(BEN), signed_in(BEN)
    page = here.get("/desk/account").text
    assert page.count("last used") == 2 and "This browser" in page
    address = re.search(r'action="(/desk/account/sessions/[\w-]{36}/end)"', page)[1]
    foreign = signed_in(EVE).post(address)
    assert foreign.status_code == 404 and there.get("/desk/").status_code == 200
    assert here.post(address).status_code == 303
    assert there.get("/desk/").status_code == 303
    assert here.get("/desk/").status_code == 200
    third = signed_in(BEN)
    assert here.post("/desk/account/sessions/end").status_code == 303
    assert third.get("/desk/").status_code == 303 and here.get("/desk/").status_code == 200


@pytest.mark.asvs("7.4.5")
def test_managers_end_the_sessions_of_others_and_nobody_else_does(signed_in):
    ben, eve = signed_in(BEN), signed_in(EVE)
    assert ben.post(f"/desk/sign-ins/{EVE}/end").status_code == 403
    assert "last used" in eve.get(f"/desk/sign-ins/{BEN}").text
    assert eve.post(f"/desk/sign-ins/{BEN}/end").status_code == 303
    assert ben.get("/desk/").status_code == 303
    assert signed_in(seed_data.DAO, OTHER_SITE).post(f"/desk/sign-ins/{BEN}/end").status_code in (
        403,
        404,
    )


@pytest.mark.asvs("6.4.1")
def test_a_manager_gives_a_first_password(app, signed_in, new_browser):
    eve, ben = signed_in(EVE), signed_in(BEN)
    page = eve.post(f"/desk/sign-ins/{BEN}/first-password", {"username": "Ben"})
    assert page.status_code == 200
    password = html.unescape(re.search(r"<code>([\w-]{16})</code>", page.text)[1])
    assert password not in eve.get(f"/desk/sign-ins/{BEN}").text
    assert ben.get("/desk/").status_code == 303, "his sessions have ended"
    browser = new_browser()
    assert browser.sign_in("ben", password).status_code == 303
    assert browser.get("/desk/").location.startswith("/desk/account")


def test_nobody_becomes_somebody_with_more_rights(app, signed_in, desk_op):
    """A first password is a way to act as the person: not for an administrator, nor for who works
    at a site where the manager does not."""
    eve = signed_in(EVE)
    admin = seed_data.fixed_id("an administrator")
    desk_op("person.add", admin, {"name": "Ada", "roles": ["admin"]}, by=SERVER_AUTHOR_ID)
    hired = {"name": "Ben", "roles": ["supervisor"]}
    desk_op("person.add", BEN, hired, by=SERVER_AUTHOR_ID, site=OTHER_SITE)
    for person in (admin, BEN, EVE):
        for action in ("first-password", "second-step"):
            answer = eve.post(f"/desk/sign-ins/{person}/{action}", {"username": "x"})
            assert answer.status_code == 403, (person, action)
    assert signed_in(admin).post(f"/desk/sign-ins/{EVE}/second-step").status_code == 303


NEEDS_RECENT = [
    "/desk/people/phones/code",
    f"/desk/people/phones/{ANA}/revoke",
    f"/desk/people/phones/{ANA}/lost",
    f"/desk/people/{ANA}/leave",
    f"/desk/people/{ANA}/pin",
    f"/desk/sign-ins/{BEN}/end",
    f"/desk/sign-ins/{BEN}/first-password",
    f"/desk/sign-ins/{BEN}/second-step",
    "/desk/sign-ins/two-step",
    "/desk/account/two-steps/app",
    "/desk/account/sessions/end",
]


@pytest.mark.asvs("7.5.1")
@pytest.mark.parametrize("address", NEEDS_RECENT)
def test_what_gives_access_needs_a_recent_sign_in(app, signed_in, address):
    eve = signed_in(EVE)
    age_sessions(app, RECENT + timedelta(seconds=1))
    answer = eve.post(address, {"username": "x"})
    assert answer.status_code == 401 and "/desk/account/confirm" in answer.text
    assert eve.post(address).location.startswith("/desk/account/confirm"), "an empty form"
    assert eve.get("/desk/").status_code == 200, "other pages do not"


@pytest.mark.asvs("7.5.1")
@pytest.mark.parametrize("file", ["pack.zip", "police/pdf"])
def test_files_of_personal_data_need_a_recent_sign_in(app, signed_in, bens_password, file):
    """Afterwards the browser is sent to the file."""
    ben, address = signed_in(BEN), f"/desk/lost/{ANA}/{file}"
    assert ben.get(address).status_code == 404
    age_sessions(app, RECENT + timedelta(seconds=1))
    asked = ben.get(address).location
    assert asked.startswith("/desk/account/confirm?next=")
    proof = {"password": PASSWORD, "next": address}
    assert ben.post("/desk/account/confirm", proof).location == address


@pytest.mark.asvs("7.5.1")
def test_confirming_gives_back_what_was_typed(app, signed_in, bens_password):
    ben = signed_in(BEN)
    phone = Device(id=ANA, site_id=HOME_SITE, label="Old", token_hash="t")
    with app.app_context(), write_transaction():
        phone.enrolled_at = datetime.now(UTC)
        db.session.add(phone)
    age_sessions(app, RECENT + timedelta(seconds=1))
    refused = ben.post(f"/desk/people/phones/{ANA}/revoke", {"form_token": "x", "why": "stolen"})
    assert refused.status_code == 401 and "not saved yet" in refused.text
    assert ben.get("/desk/account/confirm").status_code == 200
    wrong = ben.post("/desk/account/confirm", {"password": "not this one"})
    assert wrong.status_code == 401
    assert ben.post(f"/desk/people/phones/{ANA}/revoke").location.startswith("/desk/account")
    done = ben.post("/desk/account/confirm", {"password": PASSWORD, "next": "/desk/people/phones"})
    assert (done.status_code, done.location) == (303, "/desk/people/phones")
    assert ben.post(f"/desk/people/phones/{ANA}/revoke").location == "/desk/people/phones"


def test_a_phone_gets_a_free_name_by_itself_and_can_be_renamed(app, enrolment_code, ben, client):
    lineage = "11111111-1111-4111-8111-11111111111"
    names = []
    android = "Mozilla/5.0 (Linux; Android 10; K) Chrome/120.0.0.0 Mobile Safari/537.36"
    for number, (model, label) in enumerate(
        [("Redmi Note 8", ""), ("Redmi Note 8", ""), ("", ""), ("", "Gate"), ("", "gate")]
    ):
        message = {"code": enrolment_code(), "lineage": f"{lineage}{number}"}
        message |= {name: v for name, v in (("model", model), ("label", label)) if v}
        answer = client.post(
            "/sync/enrol", json=message, headers={"User-Agent": android, "Accept-Language": "en"}
        )
        names.append(answer.json["label"])
    assert names == [
        "Redmi Note 8 · 1",
        "Redmi Note 8 · 2",
        "Android phone · 1",
        "Gate",
        "gate · 2",
    ]
    page = ben.get("/desk/people/phones").text
    assert all(name in page for name in names)
    address = re.search(r"/desk/people/phones/[\w-]{36}", page)[0]
    renamed = ben.post(f"{address}/name", {"label": "Redmi Note 8 · 1"})
    assert renamed.status_code == 303
    with app.app_context():
        labels = db.session.scalars(select(Device.label)).all()
    assert len(set(labels)) == 5
    assert ben.post(f"{address}/name", {"label": " "}).status_code == 422


@pytest.mark.asvs("6.2.4", "6.2.12")
def test_the_most_common_passwords_are_refused():
    common = list(FREQUENCY_LISTS["passwords"])
    longest = [password for password in common if len(password) >= MIN_PASSWORD_LENGTH]
    assert len(common) >= 3000 and len(longest) > 1000
    refused = [password_weakness("ben", password) for password in [*common[:3000], *longest]]
    assert None not in refused


@pytest.mark.asvs("6.2.5", "6.2.9")
@given(words(alphabet=characters(codec="utf-8", categories=["L", "N"]), min_size=64, max_size=256))
@settings(max_examples=40)
def test_long_passphrases_of_any_characters_are_taken(password):
    assume(len(set(password.casefold())) > 12)
    assert password_weakness("ben", password) is None


@pytest.mark.asvs("6.2.6", "6.2.7", "6.2.10", "6.4.2", "7.4.4")
def test_inputs_for_passwords_hide_them_and_let_managers_of_passwords_work(signed_in, new_browser):
    ben = signed_in(BEN)
    pages = [new_browser().get("/sign-in").text, ben.get("/desk/account").text]
    pages.append(ben.get("/desk/account/confirm").text)
    for page in pages:
        found = re.findall(r'<input name="(?:password|new)"[^>]*>', page)
        assert found and all('type="password"' in each for each in found)
        assert all(re.search('autocomplete="(current|new)-password"', each) for each in found)
        assert "onpaste" not in page and "question" not in page
    assert all('action="/sign-out"' in page for page in pages[1:])
