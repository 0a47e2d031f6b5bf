"""The quick yes never says yes where the schema would not, or would change anything."""

from __future__ import annotations

import copy

from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from sync.protocol.fast_validation import fast_validator
from sync.protocol.messages import OpSchema

ID = "0199d1c4-8a00-7000-8000-000000000001"
VALID_OP = {
    "id": ID,
    "n": 41,
    "prev": "9f" * 32,
    "hash": "c2" * 32,
    "kind": "task.complete",
    "v": 1,
    "subject": ID,
    "base": 7,
    "after": None,
    "by": ID,
    "at": "2026-11-24T10:30:05.120+08:00",
    "mono": 812345,
    "boot": "b1",
    "payload": {"note": "…"},
}
SCHEMA = OpSchema()
fast_check = fast_validator(SCHEMA)

odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(),
    st.text(max_size=70),
    st.sampled_from([ID, ID.upper(), ID.replace("-", ""), "task.complete", "A.b", "c2" * 32, "1"]),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


def schema_accepts(raw):
    try:
        return SCHEMA.load(copy.deepcopy(raw))
    except (ValidationError, ValueError, TypeError):
        return None


def test_what_phones_send_every_day_is_plain():
    assert fast_check(VALID_OP)
    assert fast_check(
        {name: said for name, said in VALID_OP.items() if name not in ("mono", "boot")}
    )
    assert fast_check({**VALID_OP, "base": None, "prev": None, "after": ID})


@given(st.sampled_from([*VALID_OP, "more"]), odd_values)
@example("n", True)
@example("id", ID.upper())
@example("at", "1970-01-01")
@example("base", 2**53 + 1)
def test_what_is_plain_the_schema_takes_as_it_is(name, value):
    raw = {**VALID_OP, name: value}
    assert not fast_check(raw) or schema_accepts(raw) == raw


@given(st.sampled_from([*VALID_OP]))
def test_an_op_without_one_of_its_fields_is_plain_only_if_the_schema_takes_it(name):
    raw = {key: said for key, said in VALID_OP.items() if key != name}
    assert fast_check(raw) == (schema_accepts(raw) is not None)
