"""Which rounds take a scan on the phone. The compiled page renders the same as Jinja's."""

from __future__ import annotations

import re

import pytest

from tests.phone_templates import render_page
from tests.sync.builders import ANA, BEN, CHU

GATE, YARD = "checkpoint-gate", "checkpoint-yard"
TODAY = "2026-11-24T"


def time(text):
    return f"{TODAY}{text}:00.000Z"


def round_(id_, start, end, *, by=CHU, scans=(), points=(GATE, YARD), scanned_by=None):
    at = time(start)
    scan = {"at": at, "by": "", "by_id": scanned_by or by, "flags": []}
    return {
        "id": id_,
        "state": "open",
        "label": {"en": id_},
        "points": [
            {"checkpoint": point, "area_id": "a", "label": {"en": point}, "code": "1"}
            for point in points
        ],
        "responsible_id": by,
        "responsible": "Somebody",
        "window_start": at,
        "window_end": time(end),
        "scans": dict.fromkeys(scans, scan),
        "skips": {},
        "fines": {},
    }


def render(rounds, *, now="23:30", me=CHU, roles=("guard",), args=None):
    """The scan page after a guard typed the number of the gate."""
    context = {
        "records": {
            "round": rounds,
            "checkpoint": [{"id": GATE, "code": "1", "label": {"en": "Gate"}, "area_id": "a"}],
        },
        "me": {"id": me, "name": "Chu", "roles": list(roles)},
        "args": args or {"code": "1"},
        "now": time(now),
        "page": "scan",
        "lang": "en",
        "sending": {"state": "all_sent"},
        "phone": {},
    }
    return render_page("scan", context)


def taken_by(html):
    """The rounds that the form which submits itself names; None if the scan is for no round."""
    forms = re.findall(r"<form action=\"(\S+)\"[^>]*data-go.*?</form>", html, re.DOTALL)
    if not forms:
        return "nothing"
    assert len(forms) == 1
    if "scan.record" in forms[0]:
        return None
    form = html[html.index("data-go") :]
    return re.findall(r'name="subject" value="(\S+?)"', form[: form.index("</form>")])


@pytest.mark.rule("N8")
@pytest.mark.parametrize(
    ("rounds", "now", "taken"),
    [
        pytest.param(
            [round_("20", "20:00", "21:00"), round_("23", "23:00", "23:59")],
            "23:30",
            ["23"],
            id="the one under way, not one that was three hours over",
        ),
        pytest.param([round_("20", "20:00", "21:00")], "23:30", None, id="never an old one"),
        pytest.param([round_("22", "22:00", "23:00")], "23:30", ["22"], id="the one just over"),
        pytest.param(
            [round_("theirs", "23:00", "23:40", by=BEN), round_("own", "23:00", "23:59")],
            "23:30",
            ["own"],
            id="the own round, though another one ends first",
        ),
        pytest.param(
            [
                round_("theirs", "23:00", "23:40", by=BEN, scans=[YARD], scanned_by=CHU),
                round_("own", "23:00", "23:59"),
            ],
            "23:30",
            ["theirs", "own"],
            id="each round that the scanner is on",
        ),
        pytest.param(
            [round_("theirs", "23:00", "23:40", by=BEN), round_("over", "22:00", "23:00")],
            "23:30",
            ["over"],
            id="the own one that is just over before another person's",
        ),
        pytest.param(
            [round_("theirs", "23:00", "23:40", by=BEN)], "23:30", ["theirs"], id="standing in"
        ),
        pytest.param(
            [round_("soon", "23:50", "23:59")], "23:30", ["soon"], id="begun a little early"
        ),
        pytest.param([round_("far", "23:50", "23:59")], "20:30", None, id="hours too early"),
        pytest.param(
            [round_("own", "23:00", "23:59", points=[YARD])], "23:30", None, id="no such point"
        ),
        pytest.param(
            [round_("own", "23:00", "23:59", scans=[GATE]), round_("over", "22:00", "23:00")],
            "23:30",
            "nothing",
            id="already scanned, so it is not given to the one before",
        ),
    ],
)
def test_the_round_that_takes_a_scan(rounds, now, taken):
    assert taken_by(render(rounds, now=now)) == taken


@pytest.mark.rule("N8")
def test_a_stand_in_says_which_of_several_rounds_it_is():
    rounds = [round_("a", "23:00", "23:40", by=BEN), round_("b", "23:00", "23:50", by=ANA)]
    html = render(rounds)
    assert taken_by(html) == "nothing"
    assert "Which patrol are you on?" in html
    assert {"a", "b"} == set(re.findall(r'name="subject" value="(\S+?)"', html))
    assert "scan.record" in html


@pytest.mark.rule("N8")
def test_a_scan_of_somebody_who_does_not_patrol_covers_no_guards_miss():
    rounds = [round_("theirs", "23:00", "23:40", by=BEN)]
    assert taken_by(render(rounds, roles=["cleaner"])) is None
    assert taken_by(render(rounds, roles=["supervisor"])) == ["theirs"]


@pytest.mark.rule("N5", "N8")
def test_the_result_names_the_rounds_and_says_late_at_once():
    own = round_("own round", "22:00", "23:00")
    own["scans"] = {GATE: {"at": time("23:10"), "by": "Chu", "by_id": CHU, "flags": []}}
    args = {"at": GATE, "rounds": "own round"}
    html = render([own, round_("other", "23:00", "23:59")], args=args)
    said = re.search(r'data-round="own round".*?</p>', html, re.DOTALL).group()
    assert "own round 06:00–07:00" in said and "late" in said and "1/2" in said
    assert 'data-round="other"' not in html
    assert "Recorded outside a patrol: Gate" in render([], args={"at": GATE, "outside": "x"})
