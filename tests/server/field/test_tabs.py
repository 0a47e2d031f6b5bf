"""The tabs of each role, and the page that its work begins with."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from sync.protocol.roles import ROLE_PAGES, ROLES
from tests.phone_templates import render_macro

FIELD = Path(__file__).resolve().parents[3] / "templates" / "field"
FIRST = {
    "cleaner": "tasks",
    "guard": "patrol",
    "service_desk": "tickets",
    "supervisor": "board",
    "manager": "board",
    "admin": "board",
    "contractor_worker": "tasks",
    "repair": "jobs",
}
PAGES = dict(ROLE_PAGES)


def places(html: str) -> list[str]:
    return re.findall(r'href="/field/([^"]+)"', html)


def tabs(roles: tuple[str, ...], here: str = "") -> list[str]:
    return places(render_macro("_parts/tabs.html", "tabs", {"roles": list(roles)}, here))


def test_each_role_begins_where_its_work_is() -> None:
    assert {role: pages[0] for role, pages in ROLE_PAGES} == FIRST
    assert set(FIRST) == set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_its_tabs_and_me_and_the_present_one_is_lit(role: str) -> None:
    assert tabs((role,)) == [*PAGES[role], "me"]
    html = render_macro("_parts/tabs.html", "tabs", {"roles": [role]}, PAGES[role][1])
    assert re.findall(r'/field/(\w+)"\s+aria-current="page"', html) == [PAGES[role][1]]


def test_somebody_with_several_roles_has_at_most_five_tabs_and_no_page_is_lost() -> None:
    for number in range(2, len(ROLES) + 1):
        for roles in combinations(ROLES, number):
            shown = tabs(roles)
            assert len(shown) == len(set(shown)) <= 5, roles
            assert shown[0] == next(pages[0] for role, pages in ROLE_PAGES if role in roles)
            assert shown[-1] == "me", roles
            others = places(render_macro("_parts/tabs.html", "others", {"roles": list(roles)}))
            assert {page for role in roles for page in PAGES[role]} <= {*shown, *others}, roles
            assert not set(shown) & set(others), roles


def test_two_roles_have_the_first_pages_of_both() -> None:
    assert tabs(("cleaner", "guard")) == ["patrol", "tasks", "scan", "tickets", "me"]


def test_somebody_without_a_known_role_has_me_alone() -> None:
    assert tabs(()) == tabs(("astronaut",)) == ["me"]


def test_every_tab_is_a_page() -> None:
    names = {page for pages in PAGES.values() for page in pages}
    assert {page for page in names if not (FIELD / f"{page}.html").is_file()} == set()
