"""What a site discloses beside the figures of a month."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from server.db.engine import db
from server.models.places import Site
from sync.estate.disclosure_details import DETAILS_LABELS
from tests.phone_client import PhoneClient
from tests.seed_data import CHU, EVE, HOME_SITE
from tests.server.conftest import DeskBrowser, is_refused

EN = {"Accept-Language": "en"}
PAGE = "/desk/disclosure/details"
DETAILS = {
    "company": "Spruce Homes",
    "project_head": "Eve",
    "complaint_phone": "12345",
    "fee_items": "Service 2.80 a square metre\nLift 15 a month",
}


def details_form(app: Flask, **changed: str) -> dict[str, str]:
    """The form as a browser sends it back, filled with what is stored."""
    with app.app_context():
        site = db.session.get(Site, (HOME_SITE, HOME_SITE))
        stored = {name: getattr(site, name) or "" for name in DETAILS_LABELS}
        version = site.version
    was = {f"was.{name}": text for name, text in stored.items()}
    return {"base": str(version), **was, **stored, **changed}


@pytest.mark.rule("G2")
def test_a_manager_fills_in_the_details(
    app: Flask, signed_in: Callable[..., DeskBrowser], phone: PhoneClient
) -> None:
    eve = signed_in(EVE)
    assert eve.post(PAGE, details_form(app, **DETAILS)).status_code == 303
    assert eve.post(PAGE, details_form(app, project_head="Ben")).status_code == 303
    page = eve.get(PAGE, headers=EN).text
    assert "Spruce Homes" in page
    assert 'value="Ben"' in page
    phone.pull()
    assert not DETAILS_LABELS.keys() & phone.get_record("site", HOME_SITE).keys()


@pytest.mark.rule("G2")
def test_only_who_may_change_master_data_fills_them_in(
    app: Flask, ben: DeskBrowser, signed_in: Callable[..., Any]
) -> None:
    assert signed_in(CHU).get(PAGE).status_code == 403
    assert "not filled in" in ben.get(PAGE, headers=EN).text
    assert ben.post(PAGE, details_form(app, **DETAILS)).status_code == 403


@pytest.mark.rule("G2")
def test_two_changes_of_different_details_are_both_kept(
    app: Flask, desk_op: Callable[..., Any]
) -> None:
    with app.app_context():
        base = db.session.get(Site, (HOME_SITE, HOME_SITE)).version
    for name in ("company", "project_head"):
        verdict = desk_op("site.disclose", HOME_SITE, {name: "Spruce"}, by=EVE, base=base)
        assert verdict["status"] in ("applied", "merged")
    with app.app_context():
        site = db.session.get(Site, (HOME_SITE, HOME_SITE))
        assert (site.company, site.project_head) == ("Spruce", "Spruce")


@pytest.mark.rule("G2")
def test_an_unchanged_form_is_refused(app: Flask, signed_in: Callable[..., DeskBrowser]) -> None:
    assert is_refused(signed_in(EVE).post(PAGE, details_form(app)), "nothing-changed")


def test_the_disclosure_names_what_is_empty(
    app: Flask, signed_in: Callable[..., DeskBrowser]
) -> None:
    eve = signed_in(EVE)
    eve.post(PAGE, details_form(app, **DETAILS))
    document = eve.get("/desk/disclosure/months/2026-10/print", headers=EN).text
    missing = "Not filled in yet: Unified social credit code or licence, Phone of the head"
    assert missing in document
    assert missing in eve.get("/desk/disclosure/", headers=EN).text
    assert "Lift 15 a month" in document
    for name in DETAILS_LABELS:
        eve.post(PAGE, details_form(app, **{name: "said"}))
    document = eve.get("/desk/disclosure/months/2026-10/print", headers=EN).text
    assert "ot filled in" not in document
