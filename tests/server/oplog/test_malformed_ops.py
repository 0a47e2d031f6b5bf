"""Malformed ops are quarantined, and block no other op."""

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
def test_a_malformed_op_is_quarantined_and_the_next_one_applied(phone, odd):
    good = phone.add_op("task.complete", seed_data.TASK, by=seed_data.ANA)
    answer = phone.push(ops=[odd, good]).expect_ok()
    assert [verdict["status"] for verdict in answer["verdicts"]] == ["quarantined", "applied"]
    assert phone.push(ops=[odd, good]).expect_ok()["verdicts"] == answer["verdicts"]
