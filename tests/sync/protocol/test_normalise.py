"""One spelling of what people type: read by meaning, and never by a guess."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.protocol import normalise as n

DASHES = "-‐‑‒–—―−－﹣﹘⁃─"
INVISIBLE = ("\u200b", "\ufeff", "\u200e", "\u2060", "\u00ad", "\x00", "\ud800", "\u3164")


@pytest.mark.parametrize("dash", DASHES)
@pytest.mark.parametrize("blank", ["", " ", "\u3000", "\u00a0", "\u2009", "\t", *INVISIBLE])
def test_every_dash_blank_and_invisible_character_is_folded(dash, blank):
    assert n.code_key(f"{blank}１{blank}{dash}Ａ{blank}") == "1-a"


def test_visible_text_keeps_what_can_be_seen():
    assert n.visible(" 电梯费（月）\u200b　－ A\n") == "电梯费（月） － A"
    assert n.name_key("王\u200b 小明\u3000") == n.name_key("王 小明")


@pytest.mark.parametrize("typed", ["沪a·12345", "沪A 12345", "沪Ａ－１２３４５", "沪A•12345\u200b"])
def test_a_plate_has_one_form(typed):
    assert n.plate_key(typed) == "沪A12345"


@pytest.mark.rule("U9")
@pytest.mark.parametrize(
    ("cell", "cents"),
    [
        *[("1,234.50", 123450), ("１，２３４．５０", 123450), ("¥12", 1200), ("￥ 12 元", 1200)],
        *[("35.50元", 3550), ("人民币35元整", 3500), ("RMB 7", 700), (".5", 50), ("0", 0)],
        *[("-50", -5000), ("−50", -5000), ("(50.00)", -5000), ("（50）", -5000), ("50-", -5000)],
        *[("-¥50", -5000), ("¥-50", -5000), ("100.0000", 10000), ("=89.5*2.4", 21480)],
        *[("=(1+2)*3-1/2", 850), (89.5 * 2.4, 21480), (0.1 + 0.2, 30), (-50, -5000)],
        *[("0.30000000000000004", 30), ("89.499999999999986", 8950), (235.98, 23598)],
        *[("12,5", None), ("1,0", None), ("1,23,456", None), ("1.500", None), ("1 2", None)],
        *[("", None), ("-", None), (".", None), ("12.", None), ("1e3", None), ("NaN", None)],
        *[("Infinity", None), ("x", None), ("--5", None), ("(-5)", None), ("1.2万", None)],
        *[(210.325, None), ("210.325", None), (True, None), (None, None), (date(2026, 1, 5), None)],
        *[("=1/3", None), ("=1/0", None), ("=A1*2", None), ("=9**9", None), ("=" + "9" * 99, None)],
        *[(float("nan"), None), (float("inf"), None), ("1" * 50, None)],
    ],
)
def test_an_amount_is_exact_or_none(cell, cents):
    assert n.parse_amount(cell) == cents


@pytest.mark.rule("U9")
@given(st.integers(-(10**13) + 1, 10**13 - 1))
def test_a_float_of_a_spreadsheet_gives_its_cents(cents):
    assert n.parse_amount(cents / 100) == cents


@pytest.mark.parametrize(
    ("cell", "period"),
    [
        *[("2026-10", "2026-10"), ("2026年10月", "2026-10"), ("2026年1月份", "2026-01")],
        *[("2026/10", "2026-10"), ("2026.10", "2026-10"), ("2026—10", "2026-10")],
        *[
            ("202610", "2026-10"),
            (202610.0, "2026-10"),
            (2026.11, "2026-11"),
            ("2026-1", "2026-01"),
        ],
        *[(date(2026, 10, 1), "2026-10"), (datetime(2026, 10, 1), "2026-10")],  # noqa: DTZ001
        *[("2026/10/1", "2026-10"), (date(2026, 10, 15), "2026-10-15"), ("", ""), (None, "")],
        *[("26年10月", "2026-10"), ("Oct 2026", "2026-10"), ("10/2026", "2026-10")],
        *[("第三季度", "第三季度"), ("10", "10"), (10.0, "10"), ("2026-13", "2026-13")],
    ],
)
def test_a_period_is_read_by_its_meaning(cell, period):
    assert n.parse_period(cell) == period


@pytest.mark.parametrize("cell", [2026.1, "2026.1", "Oct-26", "26-Oct", 46296.0])
def test_a_period_with_two_meanings_is_not_guessed(cell):
    with pytest.raises(n.Ambiguous):
        n.parse_period(cell)


@pytest.mark.parametrize(
    ("typed", "hours"),
    [
        *[(typed, "09:00-11:30") for typed in ("9:00-11:30", "9点～11点半", "９：００—１１：３０")],
        *[("9时至11时30分", "09:00-11:30"), ("9-11", "09:00-11:00"), ("25-26", None)],
        *[("11-9", None), ("9:75-10", None), ("", None), ("09:00", None)],
    ],
)
def test_hours_have_one_form(typed, hours):
    assert n.parse_hours(typed) == hours


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        *[(t, (2026, 12, 1)) for t in ("2026-12-1", "2026/12/1", "2026.12.01", "2026年12月1日")],
        *[("20261201", (2026, 12, 1)), ("２０２６／１２／１", (2026, 12, 1))],
        ("2026年12月1号", (2026, 12, 1)),
        *[("2026/12/1 9:05", (2026, 12, 1, 9, 5)), ("2026年12月1日9点半", (2026, 12, 1, 9, 30))],
        *[
            ("2026-12-01T09:05", (2026, 12, 1, 9, 5)),
            ("2026-12-01T09:05:07", (2026, 12, 1, 9, 5, 7)),
        ],
        *[("2026-12/1", None), ("2026-13-1", None), ("1/12/2026", None), ("12-1", None)],
        *[("2026-12-01T09:05+08:00", None), ("2026-12-01 25:00", None), ("", None)],
    ],
)
def test_a_local_moment_has_one_form(typed, moment):
    assert n.parse_local_moment(typed) == (datetime(*moment) if moment else None)  # noqa: DTZ001


def test_numbers_sort_by_their_value():
    homes = ["1-10-101", "1-2-101", "1-2-1001", "A2", "a10"]
    assert sorted(homes, key=n.natural_key) == ["1-2-101", "1-2-1001", "1-10-101", "A2", "a10"]
