"""What people type is shown as they typed it, wherever: never as markup, never decoded again."""

from __future__ import annotations

import html
import json

import pytest
from marshmallow import fields
from marshmallow.validate import And, Length

from server.db.engine import db
from server.models.tickets import Ticket
from sync import KINDS
from tests.seed_data import BEN, EVE
from tests.server.desk import estate_activity
from tests.server.desk.test_visible_text import page_addresses

MARK = "'\"><b x=1>"
SHOWN = html.escape("<b x=1>")
DOUBLY = "%2527 %3Cb%3E &amp;lt;b&amp;gt; {{ 7*7 }} ${7*7} <%= 7 %>"
DATA = "</script>\u2028\u2029<!--"


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


def is_free(field):
    """Whether a field of a payload takes whatever somebody types."""
    checks = field.validators
    flat = [each for one in checks for each in (one.validators if isinstance(one, And) else [one])]
    return type(field) is fields.String and all(isinstance(each, Length) for each in flat)


def with_marks(kind, payload):
    free = {name for name, field in KINDS[kind].payload().fields.items() if is_free(field)}
    return {
        name: value + MARK if name in free and isinstance(value, str) and value else value
        for name, value in payload.items()
    }


@pytest.mark.asvs("1.2.1", "1.3.5")
def test_markup_that_somebody_typed_is_shown_as_text_on_every_page(
    app, desk_op, phone, signed_in, monkeypatch
):
    make_op = estate_activity.make_op
    monkeypatch.setattr(
        estate_activity,
        "make_op",
        lambda kind, subject, payload, **more: make_op(
            kind, subject, with_marks(kind, payload), **more
        ),
    )
    estate_activity.make_activity(app, desk_op, phone)
    eve, shown = signed_in(EVE), 0
    for address in page_addresses(app):
        answer = eve.get(address)
        if answer.mimetype == "text/html":
            assert "<b x=1>" not in answer.text, address
            shown += SHOWN in answer.text
    assert shown > 20


@pytest.mark.asvs("1.1.1")
def test_what_is_typed_is_decoded_once(app, signed_in, desk_op):
    ben = signed_in(BEN)
    done = desk_op("ticket.open", payload={**estate_activity.TICKET, "details": DOUBLY})
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
