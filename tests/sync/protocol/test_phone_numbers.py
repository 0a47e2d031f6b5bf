"""How the numbers in a text are masked."""

from __future__ import annotations

import pytest

from sync.protocol.phone_numbers import mask_numbers


@pytest.mark.rule("A28")
@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("13800000021", "138****0021"),
        ("张先生 138-0000-0021 或 010 6432 1234", "张先生 138-****-0021 或 010 **** 1234"),
        ("+8613800000021", "+861******0021"),
        ("64321234", "****1234"),
        ("１３８０００００２１９", "１３８****０２１９"),
        ("13800000021/13900000022", "138****0021/139****0022"),
        ("12026-11-24", "*****-11-24"),
    ],
)
def test_the_middle_of_a_number_is_masked_however_it_is_written(text: str, masked: str) -> None:
    assert mask_numbers(text) == masked


@pytest.mark.rule("A28")
@pytest.mark.parametrize(
    "text", ["", "3-2-501", "2026-11-24 08:00", "2026/1/2", "110", "微信 ab12", "9 楼 12 号"]
)
def test_what_is_no_number_of_a_person_stays(text: str) -> None:
    assert mask_numbers(text) == text


def test_nothing_is_masked_as_nothing() -> None:
    assert mask_numbers(None) == ""
