"""Ops that are hardly ops: each is kept, none holds up another, nothing crashes."""

import pytest

from tests import seed_data

ODD_OPS = [
    {},
    {"id": "not-a-uuid"},
    {"id": 5, "kind": {"x": []}},
    {"id": None, "hash": "\x00", "kind": "\ud800"},
    {"id": "\x00", "n": 10**300},
    {"id": seed_data.fixed_id("odd"), "kind": "\x00.\ud800", "payload": {"\x00": "\ud800"}},
    {"id": seed_data.fixed_id("odd-2"), "n": 3, "hash": "\ud800" * 99},
]


@pytest.mark.rule("B1")
@pytest.mark.parametrize("odd", ODD_OPS, ids=range(len(ODD_OPS)))
def test_an_op_that_is_hardly_one_is_kept_and_the_next_one_counts(phone, odd):
    good = phone.add_op("task.complete", seed_data.TASK, by=seed_data.ANA)
    told = phone.push(ops=[odd, good]).expect_ok()
    assert [verdict["status"] for verdict in told["verdicts"]] == ["quarantined", "applied"]
    assert phone.push(ops=[odd, good]).expect_ok()["verdicts"] == told["verdicts"]
