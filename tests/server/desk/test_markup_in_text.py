"""What people type is shown as they typed it, wherever: never as markup, never decoded again."""

from __future__ import annotations

import html
import json

import pytest

from server.db.engine import db
from server.models.tickets import Ticket
from tests.seed_data import BEN, EVE, FLAT, fixed_id
from tests.server.desk.estate_activity import TICKET

MARK = "'\"><b x=1>"
SHOWN = html.escape("<b x=1>")
DOUBLY = "%2527 %3Cb%3E &amp;lt;b&amp;gt; {{ 7*7 }} ${7*7} <%= 7 %>"
DATA = "</script>\u2028\u2029<!--"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


TICKET_ID, VISIT, LOST, FIRM, PERSON = map(fixed_id, ("t-mark", "v-mark", "l-mark", "f", "p-mark"))
TYPED = {
    ("ticket.open", TICKET_ID): {**TICKET, "details": MARK, "contact": MARK},
    ("visit.expect", VISIT): {"visitor": MARK, "purpose": "family", "host_unit": FLAT},
    ("lost.open", LOST): {"item": MARK, "unit": FLAT, "contact": MARK},
    ("contractor.add", FIRM): {"name": MARK, "service": MARK, "accountable_id": EVE},
    ("person.add", PERSON): {"name": MARK, "roles": ["cleaner"]},
}
PAGES = (
    *("/desk/tickets/", f"/desk/tickets/{TICKET_ID}", f"/desk/visits/{VISIT}", "/desk/lost/"),
    *(f"/desk/lost/{LOST}", "/desk/contractors/", f"/desk/contractors/{FIRM}", "/desk/people/"),
    *(f"/desk/record/person/{PERSON}", f"/desk/record/ticket/{TICKET_ID}"),
)


@pytest.mark.asvs("1.2.1", "1.3.5")
def test_markup_that_somebody_typed_is_shown_as_text(app, desk_op, signed_in):
    for (kind, subject), payload in TYPED.items():
        assert desk_op(kind, subject, payload, by=EVE)["status"] == "applied", kind
    eve = signed_in(EVE)
    for address in PAGES:
        page = eve.get(address).text
        assert SHOWN in page and "<b x=1>" not in page, address


@pytest.mark.asvs("1.1.1")
def test_what_is_typed_is_decoded_once(app, signed_in, desk_op):
    ben = signed_in(BEN)
    done = desk_op("ticket.open", payload={**TICKET, "details": DOUBLY})
    with app.app_context():
        (ticket,) = db.session.scalars(db.select(Ticket)).all()
        assert ticket.details == DOUBLY
    assert done["status"] == "applied"
    page = ben.get(f"/desk/tickets/{ticket.id}").text
    assert html.escape(DOUBLY) in page.replace("&#34;", "&quot;")


@pytest.mark.asvs("1.2.3")
def test_data_inside_a_script_or_an_attribute_cannot_leave_it(app):
    with app.test_request_context():
        made = app.jinja_env.from_string("<script>{{ x|tojson }}</script>").render(x=DATA)
    inner = made.removeprefix("<script>").removesuffix("</script>")
    assert "<" not in inner and json.loads(inner) == DATA
