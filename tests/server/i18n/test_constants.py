"""What templates write as constants is said in the language of each page, not of the first one."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import force_locale


@pytest.fixture
def app(sqlite_app: Flask) -> Flask:
    return sqlite_app


@pytest.mark.parametrize(
    ("expression", "zh", "en"),
    [
        ('"urgent"|value_label("ticket", "urgency")', "紧急", "urgent"),
        ('"closed"|state_label("ticket")', "已办结", "closed"),
        ('"ticket"|type_label', "受理单", "ticket"),
        ('"guard"|role_label', "协管员", "guard"),
        ('"applied"|status_label', "已生效", "accepted"),
        ('"urgency"|field_label("ticket")', "紧急程度", "urgency"),
        ('"ticket.open"|kind_label', "受理", "open"),
        ('"not-permitted"|refusal_label', "主管", "supervisor"),
    ],
)
def test_a_constant_is_said_in_the_language_of_the_page(
    app: Flask, expression: str, zh: str, en: str
) -> None:
    with app.test_request_context():
        with force_locale("en"):
            template = app.jinja_env.from_string(f"{{{{ {expression} }}}}")
            assert en in template.render().lower()
        with force_locale("zh"):
            assert zh in template.render()
