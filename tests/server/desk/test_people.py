"""People at the desk: roles, trades, and whose contractor's workers they are."""

import pytest
from sqlalchemy import select

from server.db.engine import db
from server.models.contractors import Contractor
from server.models.people import Person
from server.models.security_log import AccessEntry
from server.models.tickets import Ticket
from sync.protocol.op import SERVER_AUTHOR_ID
from tests.seed_data import ANA, BEN, CHU, EVE, HOME_SITE, fixed_id
from tests.server.conftest import is_refused

EN = {"Accept-Language": "en"}
FIRM = fixed_id("firm")


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def eve(signed_in):
    return signed_in(EVE)


@pytest.fixture
def firm(desk_op):
    payload = {"name": "Spruce Cable", "service": "cable", "accountable_id": BEN}
    desk_op("contractor.add", FIRM, payload)
    return FIRM


def stored(app, table, id_):
    with app.app_context():
        return db.session.get(table, (HOME_SITE, id_))


def work(browser, person, **form):
    return browser.post(f"/desk/people/{person}/work", {"contractor_id": "", **form})


@pytest.mark.rule("E21")
def test_a_manager_makes_somebody_a_repair_worker_with_trades(app, eve):
    page = eve.get(f"/desk/people/{ANA}/work", headers=EN).text
    assert "Repair worker" in page and "Plumber" in page
    trades = ["plumber", "locks"]
    sent = work(eve, ANA, roles=["cleaner", "repair"], trades=trades)
    assert (sent.status_code, sent.location) == (303, "/desk/people/")
    ana = stored(app, Person, ANA)
    assert (ana.roles, ana.trades) == (["cleaner", "repair"], trades)
    assert "Plumber" in eve.get("/desk/people/", headers=EN).text
    with app.app_context():
        entries = db.session.scalars(select(AccessEntry).where(AccessEntry.event == "role")).all()
        assert [(entry.by_id, entry.about_id) for entry in entries] == [(EVE, ANA)]
    assert is_refused(work(eve, ANA, roles=["cleaner"], trades=trades), "trade-without-repair")
    assert is_refused(work(eve, ANA, roles=["cleaner", "repair"], trades=trades), "nothing-changed")
    assert work(eve, ANA, trades=[]).status_code == 422, "without any role"


@pytest.mark.rule("E21")
def test_a_manager_binds_a_contractors_worker(app, eve, firm):
    assert is_refused(
        work(eve, CHU, roles=["guard"], contractor_id=FIRM), "firm-without-contractor-worker"
    )
    assert work(eve, CHU, roles=["contractor_worker"]).status_code == 303
    assert "no contractor yet" in eve.get("/desk/people/", headers=EN).text
    bound = work(eve, CHU, roles=["contractor_worker"], contractor_id=FIRM)
    assert bound.status_code == 303
    assert stored(app, Person, CHU).contractor_id == FIRM
    assert "Spruce Cable" in eve.get("/desk/people/", headers=EN).text
    assert "Chu" in eve.get(f"/desk/contractors/{FIRM}", headers=EN).text
    assert stored(app, Contractor, FIRM).name == "Spruce Cable"


@pytest.mark.rule("E21")
@pytest.mark.asvs("8.2.1", "8.2.3")
def test_roles_are_changed_by_another_manager_alone(app, eve, ben):
    assert is_refused(work(eve, EVE, roles=["manager", "guard"]), "own-roles")
    assert work(ben, ANA, roles=["admin"]).status_code == 403
    assert stored(app, Person, EVE).roles == ["manager"]
    assert stored(app, Person, ANA).roles == ["cleaner"]


@pytest.mark.rule("E21")
@pytest.mark.asvs("8.3.1")
def test_only_administrators_make_administrators(app, eve, signed_in, desk_op):
    """Else a manager could make somebody one, set their password and act as that person."""
    admin = fixed_id("an administrator")
    desk_op("person.add", admin, {"name": "Ada", "roles": ["admin"]}, by=SERVER_AUTHOR_ID)
    assert work(eve, BEN, roles=["admin"]).status_code == 403
    assert work(eve, admin, roles=["cleaner"]).status_code == 403
    assert stored(app, Person, BEN).roles == ["supervisor"]
    assert work(signed_in(admin), BEN, roles=["supervisor", "admin"]).status_code == 303


@pytest.mark.rule("K24")
def test_the_desk_hands_a_ticket_to_a_trade(app, ben, eve, desk_op):
    ticket = fixed_id("leak")
    payload = {"channel": "phone", "matter": "report", "contact": "5", "details": "A leak"}
    desk_op("ticket.open", ticket, payload)
    assert "trade:plumber" not in ben.get(f"/desk/tickets/{ticket}").text, "nobody repairs here"
    work(eve, ANA, roles=["repair"], trades=["plumber"])
    assert "trade:plumber" in ben.get(f"/desk/tickets/{ticket}").text
    sent = ben.post(f"/desk/tickets/{ticket}/hand-over", {"to": "trade:plumber"})
    assert sent.status_code == 303
    row = stored(app, Ticket, ticket)
    assert (row.asked_role, row.asked_trade) == ("repair", "plumber")
    assert "Repair worker" in ben.get(f"/desk/tickets/{ticket}", headers=EN).text
    assert ben.post(f"/desk/tickets/{ticket}/hand-over", {"to": "trade:x"}).status_code == 422


@pytest.mark.asvs("8.2.1")
def test_a_manager_changes_nothing_about_an_administrator(app, eve):
    """Or a manager could take the estate over."""
    with app.app_context():
        db.session.get_one(Person, (HOME_SITE, BEN)).roles = ["admin"]
        db.session.commit()
    acts = (f"people/{BEN}/leave", f"people/{BEN}/work", f"people/{BEN}/pin", f"sign-ins/{BEN}/end")
    for act in (*acts, f"sign-ins/{BEN}/first-password", f"sign-ins/{BEN}/second-step"):
        assert eve.post(f"/desk/{act}", {"heir": ANA, "roles": "guard"}).status_code == 403, act
        page = f"people/{BEN}/work" if act.startswith("people") else f"sign-ins/{BEN}"
        assert f'action="/desk/{act}"' not in eve.get(f"/desk/{page}").text
    assert stored(app, Person, BEN).active_to is None
