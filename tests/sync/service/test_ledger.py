"""Ledgers: exact amounts from any way of writing them, and invalid rows beside valid ones."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.protocol.normalise import parse_amount
from sync.service.arrears.ledger import (
    Homes,
    merged_lines,
    read_ledger,
    whole_lines,
)
from sync.service.arrears.ledger_columns import InvalidLedger, cell_text

HOMES = Homes([("1-101", "u1"), ("1-102", "u2"), ("1-2-301", "u3")])
HEAD = ("房号", "款项", "期间", "金额")


def read(rows, merged=()):
    return read_ledger(list(enumerate(rows, start=1)), HOMES, [HEAD], merged)


def line(what, period, cents):
    return {"what": what, "period": period, "cents": cents}


@pytest.mark.rule("U9")
def test_random_ledgers_add_up_to_the_cent():
    """10,000 ledgers, compared with Python's decimals, in each way of writing an amount."""
    rng = Random(20261124)
    for _ in range(10_000):
        amounts = [Decimal(rng.randint(1, 10**7)) / 100 for _ in range(rng.randint(1, 6))]
        shapes = (lambda a: f"{a:.2f}", lambda a: f"¥{a:,.2f}", lambda a: f" {a} ", float)
        rows = [("1-101", f"fee {n}", "", rng.choice(shapes)(a)) for n, a in enumerate(amounts)]
        ledger = read([HEAD, *rows])
        assert (ledger.total_cents, ledger.bad_rows) == (int(sum(amounts) * 100), [])


@pytest.mark.rule("U9")
@given(st.integers(1, 10**11))
def test_a_formatted_amount_parses_to_the_same_cents(amount):
    from server.i18n.filters import money

    assert parse_amount(money(amount)) == amount


@pytest.mark.rule("U9")
def test_a_float_cell_is_read_as_it_was_written():
    assert [cell_text(n) for n in (0.1, 100.0, 1234567.89, None, 7)] == [
        "0.1",
        "100",
        "1234567.89",
        "",
        "7",
    ]


@pytest.mark.rule("U10")
def test_a_bad_row_holds_its_home_back_and_no_other():
    rows = [
        ("1-101", "fee", "10", "1.00"),
        ("9-999", "fee", "10", "1.00"),
        ("1-101", "", "10", "1.00"),
        ("1-2-301", "fee", "11", "1.001"),
        ("1-2-301", "fee", "2026.1", "1.00"),
        ("1-2-301", "fee", "12", "0.00"),
        ("1-2-301", "fee"),
        ("", "", "", ""),
        ("1-102", "fee", "10", "3.00", "a reason from last time"),
    ]
    ledger = read([HEAD, *rows])
    assert (ledger.accounts, ledger.held) == ({"u2": [line("fee", "10", 300)]}, {"u1", "u3"})
    assert [(bad.number, bad.code) for bad in ledger.bad_rows] == [
        (2, "held"),
        (3, "no-such-home"),
        (4, "no-item"),
        (5, "no-amount"),
        (6, "which-period"),
        (7, "zero"),
        (8, "no-amount"),
    ]
    mended = [("1-101", "fee", "10", "1.00"), ("1-101", "water", "10", "1.00")]
    assert read([(*HEAD, "!"), *mended]).accounts["u1"] == [
        line("fee", "10", 100),
        line("water", "10", 100),
    ]


@pytest.mark.rule("U10")
def test_a_row_without_a_home_holds_back_the_home_above_it():
    ledger = read([HEAD, ("1-101", "fee", "10", "1"), ("", "water", "10", "2")])
    assert (ledger.accounts, ledger.held, ledger.has_unknown_homes) == ({}, {"u1"}, True)


@pytest.mark.rule("U20")
@pytest.mark.parametrize(
    "heading",
    [
        HEAD,
        ("序号", *HEAD, "备注"),
        ("期间", "金额（元）", "房 号", "款项"),
        ("Amount (CNY)", "Fee item", "Flat No.", "Period"),
        ("单元房号", "收费项目", "所属月份", "欠费金额(人民币)"),
        ("\ufeff房号\u200b", " 款　项", "期间", "金额【元】"),
    ],
)
def test_columns_are_found_by_name_in_any_order(heading):
    values = {"房号": "1-101", "款项": "物业费", "期间": "2026-10", "金额": "100.00"}
    places = {
        "房号": ("房号", "房 号", "FlatNo.", "Flat No.", "单元房号", "\ufeff房号\u200b"),
        "款项": ("款项", "Fee item", "收费项目", " 款　项"),
        "期间": ("期间", "Period", "所属月份"),
    }
    row = [
        next((values[n] for n, names in places.items() if text in names), None)
        or ("7" if text in ("序号", "备注") else values["金额"])
        for text in heading
    ]
    title = ["松鼠里2026年10月欠费明细表", "", "", ""]
    assert read([title, [], heading, row]).accounts == {"u1": [line("物业费", "2026-10", 10000)]}


@pytest.mark.rule("U20")
@pytest.mark.parametrize(
    ("heading", "code", "missing", "found"),
    [
        (("房号", "款项", "期间"), "no-heading", ("amount",), ("房号", "款项", "期间")),
        (("房号", "款项", "期间", "金额（万元）"), "no-heading", ("amount",), None),
        (("房号", "款项", "期间", "应收金额", "应缴金额"), "two-columns", ("amount",), None),
        (("房号", "款项", "期间", "应收金额", "实收金额"), "paid-column", (), ("实收金额",)),
        (("单位：万元",), "not-yuan", (), ("单位：万元",)),
        (("a", "b"), "no-heading", ("home", "item", "period", "amount"), ("a", "b")),
    ],
)
def test_a_heading_that_is_not_clear_says_what_is_missing_and_what_was_found(
    heading, code, missing, found
):
    with pytest.raises(InvalidLedger) as raised:
        read([heading, ("1-101", "fee", "10", "1", "2")])
    assert (raised.value.code, raised.value.missing) == (code, missing)
    assert found is None or raised.value.found == found


@pytest.mark.rule("U20")
def test_totals_signatures_notes_and_repeated_headings_are_left_out():
    rows = [
        ("1-101", "fee", "10", "1.00"),
        HEAD,
        ("1-101", "小计", "", "1.00"),
        ("合计", "", "", "1.00"),
        ("", "", "总计：", "1.00"),
        ("制表人：张三", "", "审核：李四", ""),
        ("以上数据截至2026年10月31日", "", "", ""),
    ]
    ledger = read([HEAD, *rows])
    assert (ledger.accounts, ledger.bad_rows) == ({"u1": [line("fee", "10", 100)]}, [])
    assert [row.number for row in ledger.left_out] == [4, 5, 6, 7, 8]


@pytest.mark.rule("U20")
def test_what_is_owed_is_read_beside_what_was_billed_and_paid():
    heading = ("房号*", "费用项", "计费月份", "应收金额", "实收金额", "欠费金额/元")
    ledger = read([heading, ("1-101", "fee", "10", "9", "5", "4")])
    assert (ledger.accounts, ledger.unused_columns) == (
        {"u1": [line("fee", "10", 400)]},
        ("应收金额", "实收金额"),
    )


@pytest.mark.rule("U20")
def test_a_heading_within_a_merged_home_is_the_next_page_and_another_one_is_another_table():
    rows = [HEAD, ("1-101", "fee", "10", "9"), ("1-101", *HEAD[1:]), ("1-101", "fee", "11", "9")]
    assert read(rows, merged={(3, 0), (4, 0)}).total_cents == 1800
    for heading in (("房号", "款项", "期间", "实缴金额"), ("款项", "房号", "期间", "金额")):
        with pytest.raises(InvalidLedger, match="second-table"):
            read([*rows, heading, ("1-102", "fee", "10", "9")])


@pytest.mark.rule("U20")
@pytest.mark.parametrize("row", ["1-101,fee,10,1,234.50", "1-101,fee,10,1,234", "1-101,a,b,10,5"])
def test_a_comma_in_an_amount_of_a_text_file_is_not_a_smaller_amount(row):
    rows = list(enumerate([(*HEAD, "备注")[: len(row) % 2 + 4], row.split(",")], start=1))
    ledger = read_ledger(rows, HOMES, [HEAD], is_text=True)
    assert not ledger.accounts and ledger.held == {"u1"}


@pytest.mark.rule("U21")
def test_a_home_of_which_only_a_total_is_read_stands_in_the_file():
    ledger = read(
        [HEAD, ("1-101", "合计", "10", "9"), ("1-102 小计", "", "", "9"), ("1-102", "a", "", "9")]
    )
    assert ledger.named == {"u1", "u2"} and not ledger.bad_rows and len(ledger.left_out) == 2


@pytest.mark.rule("U20")
def test_a_merged_home_carries_down_and_a_merged_amount_is_never_multiplied():
    rows = [HEAD, ("1-101", "fee", "10", "9"), ("1-101", "water", "10", "9")]
    assert read(rows, merged={(3, 0)}).total_cents == 1800
    ledger = read(rows, merged={(3, 3)})
    assert ([bad.code for bad in ledger.bad_rows], ledger.accounts) == (
        ["held", "merged-amount"],
        {},
    )


@pytest.mark.rule("U20")
@pytest.mark.parametrize(
    "text",
    [
        "1-2-301",
        '="1-2-301"',
        "'1-2-301",
        "1栋2单元301室",
        "1#2-301",
        "１－２－３０１",
        "1 — 2 — 301号",
    ],
)
def test_a_home_is_found_by_any_spelling(text):
    assert HOMES.find(text) == ("u3", None)


@pytest.mark.rule("U20")
def test_a_spelling_of_two_homes_is_not_guessed():
    homes = Homes([("1-101", "a"), ("1栋101", "b")])
    assert homes.find("1-101") == ("a", None) and homes.find("1栋101") == ("b", None)
    assert homes.find("1#101") == (None, "several-homes")


@pytest.mark.rule("U9")
def test_a_credit_lowers_the_sum_and_two_meters_are_two_lines():
    rows = [
        ("1-101", "fee", "10", "100"),
        ("1-101", "预交抵扣", "10", "-50"),
        ("1-102", "电费", "10", "30"),
        ("1-102", "电费", "10", "30"),
    ]
    ledger = read([HEAD, *rows])
    assert sum(each["cents"] for each in ledger.accounts["u1"]) == 5000
    assert sum(each["cents"] for each in ledger.accounts["u2"]) == 6000
    assert ledger.twins == [(4, 5)]


FEE, WATER, OLD = line("物业费", "2026-10", 10000), line("水费", "2026-10", 3550), line("a", "b", 1)


@pytest.mark.rule("U21")
@pytest.mark.parametrize(
    ("known", "listed", "part", "whole"),
    [
        ([FEE, WATER], [WATER], [FEE, WATER], [WATER]),
        ([FEE, WATER], [WATER, FEE], [FEE, WATER], [FEE, WATER]),
        ([OLD], [FEE], [OLD, FEE], [FEE]),
        ([FEE], [line("物业费 ", "2026年10月", 10000)], [FEE], [FEE]),
        ([FEE], [line("物业费", "2026-10", 8000)], [line("物业费", "2026-10", 8000)], None),
        ([WATER, WATER], [WATER], [WATER, WATER], [WATER]),
        ([], [FEE, FEE], [FEE, FEE], [FEE, FEE]),
    ],
)
def test_part_of_a_ledger_is_never_taken_for_the_whole(known, listed, part, whole):
    assert merged_lines(known, listed) == part
    assert whole_lines(known, listed) == (part if whole is None else whole)


@pytest.mark.rule("U10")
@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "no-heading"),
        ([("a", "b")], "no-heading"),
        ([HEAD], "empty"),
        ([HEAD] * 20_002, "too-long"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_as_a_whole(rows, code):
    with pytest.raises(InvalidLedger, match=code):
        read(rows)
