"""Ledgers: exact amounts from any way of writing them, and invalid rows beside valid ones."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.service.arrears.ledger import (
    BadRow,
    InvalidLedger,
    cell_text,
    parse_cents,
    read_ledger,
)

HOMES = {"1-101": "u1", "1-102": "u2"}
HEAD = ("房号", "款项", "期间", "金额")


@pytest.mark.rule("U9")
def test_random_ledgers_add_up_to_the_cent():
    """10,000 ledgers, compared with Python's decimals, in each way of writing an amount."""
    rng = Random(20261124)
    for _ in range(10_000):
        amounts = [Decimal(rng.randint(1, 10**7)) / 100 for _ in range(rng.randint(1, 6))]
        shapes = (lambda a: f"{a:.2f}", lambda a: f"¥{a:,.2f}", lambda a: f" {a} ", float)
        rows = [("1-101", f"fee {n}", "", rng.choice(shapes)(a)) for n, a in enumerate(amounts)]
        ledger = read_ledger([HEAD, *rows], HOMES, [HEAD])
        assert (ledger.total_cents, ledger.bad_rows) == (int(sum(amounts) * 100), [])


@pytest.mark.rule("U9")
@given(st.integers(1, 10**11))
def test_a_formatted_amount_parses_to_the_same_cents(amount):
    from server.i18n.filters import money

    assert parse_cents(money(amount)) == amount


@pytest.mark.rule("U9")
@pytest.mark.parametrize("text", ["", "0", "-1", "1.005", "1e-9", "NaN", "Infinity", "x", "1 2"])
def test_a_text_that_is_no_amount_gives_none(text):
    assert parse_cents(text) is None


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
def test_an_invalid_row_does_not_block_others_and_has_a_reason():
    rows = [
        ("1-101", "fee", "10", "1.00"),
        ("9-999", "fee", "10", "1.00"),
        ("1-101", "", "10", "1.00"),
        ("1-101", "fee", "11", "1.001"),
        ("1-101", "fee", "10", "2.00"),
        ("1-101", "fee"),
        ("", "", "", ""),
        ("1-102", "fee", "10", "3.00", "a reason from last time"),
    ]
    ledger = read_ledger([HEAD, *rows], HOMES, [HEAD])
    assert (sorted(ledger.accounts), ledger.total_cents) == (["u1", "u2"], 400)
    assert [(bad.number, bad.code) for bad in ledger.bad_rows] == [
        (3, "no-such-home"),
        (4, "no-item"),
        (5, "no-amount"),
        (6, "twice"),
        (7, "short"),
    ]
    bad_rows = [HEAD, *(bad.cells for bad in ledger.bad_rows)]
    assert [bad.code for bad in read_ledger(bad_rows, HOMES, [HEAD]).bad_rows][:2] == [
        "no-such-home",
        "no-item",
    ]
    assert isinstance(ledger.bad_rows[0], BadRow)


@pytest.mark.rule("U10")
@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "no-heading"),
        ([("a", "b")], "no-heading"),
        ([HEAD], "empty"),
        ([HEAD] * 20_001, "too-long"),
    ],
)
def test_a_file_that_is_no_ledger_is_refused_as_a_whole(rows, code):
    with pytest.raises(InvalidLedger, match=code):
        read_ledger(rows, HOMES, [HEAD])
