"""The hash chain of ops, the correction of phone clocks, the digest of the feed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.protocol.clock import correct_times, format_time, parse_time
from sync.protocol.digest import add_to_digest, digest_text, record_fingerprint
from sync.protocol.hash_chain import LineageState, content_hash, op_content
from sync.protocol.json_codec import canonical_json
from sync.protocol.op_validation import op_error
from sync.protocol.roles import role_mask

ARRIVED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_content_hash_is_computed_from_canonical_json():
    raw = {"id": "a", "n": 1, "hash": "x", "payload": {"b": "拖地", "a": [1, None, True]}}
    assert canonical_json({"b": "拖地", "a": 1}) == '{"a":1,"b":"拖地"}'.encode()
    assert content_hash(raw) == content_hash({**raw, "hash": "other"})
    assert content_hash(raw) != content_hash({**raw, "n": 2})
    assert op_content(raw) == op_content({**raw, "n": 2, "prev": "y"})


@pytest.mark.rule("H1")
@pytest.mark.rule("H2")
@given(st.permutations(range(1, 12)), st.integers(0, 10))
def test_gaps_are_the_missing_numbers_in_any_order_of_arrival(order, seen):
    chain = LineageState()
    for n in order[:seen]:
        chain.record_op(n, f"h{n}")
    received = set(order[:seen])
    assert chain.upto == max(received, default=0)
    assert chain.hash == (f"h{chain.upto}" if received else None)
    missing = {n for a, b in chain.gaps for n in range(a, b + 1)}
    assert missing == set(range(1, chain.upto + 1)) - received


@pytest.mark.rule("H3")
def test_a_lost_op_stays_declared_lost_until_it_arrives():
    chain = LineageState()
    chain.record_op(1, "a")
    chain.record_op(5, "b")
    chain.mark_lost([3, 4, 3, 1])
    assert chain.lost == [[3, 4]]
    chain.record_op(4, "c")
    assert (chain.lost, chain.gaps) == ([[3, 3]], [[2, 3]])


@pytest.mark.rule("H3")
def test_an_op_declared_lost_to_a_restored_server_is_not_lost_once_it_arrives():
    chain = LineageState()
    chain.mark_lost([2, 3])
    chain.record_op(2, "a")
    assert chain.lost == [[3, 3]]


def clock_reading(at, mono=None, boot=None):
    return {"id": f"{at}{mono}", "at": format_time(at), "mono": mono, "boot": boot}


@pytest.mark.rule("W1")
@pytest.mark.parametrize("offset", [timedelta(0), timedelta(hours=3), timedelta(days=-400)])
def test_a_wrong_clock_is_corrected_by_the_time_of_sending(offset):
    made = clock_reading(ARRIVED + offset - timedelta(minutes=10))
    moment = correct_times([made], sent_at=ARRIVED + offset, received_at=ARRIVED)[made["id"]]
    assert moment.occurred_at == ARRIVED - timedelta(minutes=10)
    assert ("clock-skewed" in moment.flags) == bool(offset)


@pytest.mark.rule("W1")
def test_a_slow_network_is_not_a_wrong_clock():
    made = clock_reading(ARRIVED - timedelta(minutes=10))
    for latency in (timedelta(seconds=4), timedelta(milliseconds=30)):
        moment = correct_times([made], sent_at=ARRIVED - latency, received_at=ARRIVED)[made["id"]]
        assert moment.occurred_at == ARRIVED - timedelta(minutes=10)


@pytest.mark.rule("W1")
def test_no_corrected_time_is_later_than_the_arrival():
    made = clock_reading(ARRIVED + timedelta(hours=1))
    moment = correct_times([made], sent_at=ARRIVED, received_at=ARRIVED)[made["id"]]
    assert moment.occurred_at == ARRIVED
    assert "in-the-future" in moment.flags


@pytest.mark.rule("W2")
def test_times_before_a_clock_change_are_counted_back_within_a_page_load():
    before = clock_reading(ARRIVED - timedelta(days=2), mono=0, boot="b")
    after = clock_reading(ARRIVED - timedelta(minutes=1), mono=9 * 60_000, boot="b")
    moments = correct_times([before, after], sent_at=ARRIVED, received_at=ARRIVED)
    assert moments[before["id"]].occurred_at == ARRIVED - timedelta(minutes=10)
    assert moments[before["id"]].flags == ("clock-jumped",)
    assert moments[after["id"]].flags == ()


def test_times_are_formatted_in_utc_with_milliseconds():
    assert format_time(parse_time("2026-11-24T10:30:05.12+08:00")) == "2026-11-24T02:30:05.120Z"
    with pytest.raises(ValueError, match="offset"):
        parse_time("2026-11-24T10:30:05")


@given(st.lists(st.tuples(st.uuids(), st.integers(1, 99)), max_size=20), st.randoms())
def test_the_digest_is_independent_of_order_and_subtraction_undoes_addition(rows, random):
    prints = [record_fingerprint("task", str(id_), version) for id_, version in rows]
    shuffled = random.sample(prints, len(prints))
    assert add_to_digest(0, *prints) == add_to_digest(0, *shuffled)
    assert (
        digest_text(add_to_digest(add_to_digest(5, *prints), *(-p for p in prints))) == f"{5:016x}"
    )


def test_each_role_has_its_own_bit():
    assert [role_mask([r]) for r in ("cleaner", "guard", "service_desk")] == [1, 2, 4]


def complete_op(**change):
    raw = {
        "id": "01a2088b-e048-76db-9972-51f2edac7674",
        **{"n": 1, "prev": None, "kind": "task.complete", "v": 1},
        "subject": "01a2088b-e048-76db-9972-51f2edac7674",
        "base": None,
        "after": None,
        "by": "01a2088b-e048-76db-9972-51f2edac7674",
        "at": "2026-11-24T10:30:05+08:00",
        **{"mono": 1, "boot": "b", "payload": {}},
        **change,
    }
    return {**raw, "hash": content_hash(raw)}


def envelope_fault(raw: dict[str, Any]) -> str | None:
    return op_error(raw, content_hash(raw))


@pytest.mark.rule("B1")
@pytest.mark.parametrize(
    "change",
    [
        *({"n": value} for value in (0, -1, "1", 1.0, True, None, 2**60)),
        *({"at": value} for value in ("now", "2026-11-24", "9999-12-31T23:59:59-14:00", 5)),
        *({"kind": value} for value in ("x", "task.complete;", "", None)),
        *({"payload": value} for value in ([], None, {"x": 1.5}, {"x": "\x00"}, {"x": "\ud800"})),
        {"mono": 10**18},
        {"extra": 1},
    ],
)
def test_an_op_of_another_shape_is_malformed(change):
    assert envelope_fault(complete_op(**change)) == "malformed"


@pytest.mark.rule("B1")
def test_a_changed_op_does_not_match_its_hash():
    raw = complete_op(payload={"note": "done"})
    assert envelope_fault(raw) is None
    assert envelope_fault({**raw, "payload": {"note": "Done"}}) == "hash-mismatch"
    assert envelope_fault({**raw, "by": "01a2088b-e048-76db-9972-51f2edac7675"}) == "hash-mismatch"
