"""The quick yes never says yes where the schema would not, or would change anything."""

from __future__ import annotations

import copy

from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from sync.protocol.fast_validation import fast_validator
from sync.protocol.messages import OpSchema

ID = "0199d1c4-8a00-7000-8000-000000000001"
SOUND = {
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
is_plain = fast_validator(SCHEMA)

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(),
    st.text(max_size=70),
    st.sampled_from([ID, ID.upper(), ID.replace("-", ""), "task.complete", "A.b", "c2" * 32, "1"]),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


def taken(raw):
    try:
        return SCHEMA.load(copy.deepcopy(raw))
    except (ValidationError, ValueError, TypeError):
        return None


def test_what_phones_send_every_day_is_plain():
    assert is_plain(SOUND)
    assert is_plain({name: said for name, said in SOUND.items() if name not in ("mono", "boot")})
    assert is_plain({**SOUND, "base": None, "prev": None, "after": ID})


@given(st.sampled_from([*SOUND, "more"]), odd)
@example("n", True)
@example("id", ID.upper())
@example("at", "1970-01-01")
@example("base", 2**53 + 1)
def test_what_is_plain_the_schema_takes_as_it_is(name, value):
    raw = {**SOUND, name: value}
    assert not is_plain(raw) or taken(raw) == raw


@given(st.sampled_from([*SOUND]))
def test_an_op_without_one_of_its_fields_is_plain_only_if_the_schema_takes_it(name):
    raw = {key: said for key, said in SOUND.items() if key != name}
    assert is_plain(raw) == (taken(raw) is not None)
