"""Removing personal data: masked identity numbers, and payloads of purged records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ID_NUMBER = re.compile(r"(?<![0-9])[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx](?![0-9])", re.ASCII)
MASK = "*" * 18
_SUSPECT = re.compile(r"[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx]")
SHA256_HEX = re.compile(r"[0-9a-f]{64}")
NIL_ID = "00000000-0000-0000-0000-000000000000"
"""Stands for a home that is not known any more, where there has to be one."""

NUMBERED = object()
"""A replacement that keeps different values apart: *1, *2, … in the order of a record's ops."""
_NUMBER = re.compile(r"\*[0-9]*")


def may_contain_id_number(text: str) -> bool:
    """Whether JSON text may contain an identity number.

    Matches more than `ID_NUMBER`, because an escape that ends in a digit may precede the number.
    """
    return _SUSPECT.search(text) is not None


def mask_id_numbers(value: Any) -> Any:
    """V5: the value with every 18-digit identity number in free text replaced by asterisks."""
    if isinstance(value, str):
        return value if SHA256_HEX.fullmatch(value) else ID_NUMBER.sub(MASK, value)
    if isinstance(value, dict):
        return {name: mask_id_numbers(inner) for name, inner in value.items()}
    return [mask_id_numbers(inner) for inner in value] if isinstance(value, list) else value


def values_for_kind(kind: str, redacted_values: Mapping[str, Any]) -> dict[str, Any]:
    """The replacements for payloads of a kind, by the names of their fields."""
    verb = kind.partition(".")[2]
    keys = {name: name.rpartition(".") for name in redacted_values}
    return {
        field: redacted_values[name]
        for name, (prefix, _, field) in keys.items()
        if prefix in ("", verb)
    }


def redact(
    value: Any, redacted_values: Mapping[str, Any], numbers: dict[str, str] | None = None
) -> Any:
    """V12: a payload of a purged record: the same structure, with the personal data replaced.

    `numbers` has the replacements of NUMBERED values so far, of all ops of the record; without it
    they cannot be told apart.
    """
    if isinstance(value, dict):
        return {
            name: _replacement(inner, redacted_values[name], numbers)
            if name in redacted_values and inner
            else redact(inner, redacted_values, numbers)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [redact(inner, redacted_values, numbers) for inner in value]
    return value


def _replacement(value: Any, replacement: Any, numbers: dict[str, str] | None) -> Any:
    if replacement is not NUMBERED:
        return replacement
    if numbers is None or _NUMBER.fullmatch(str(value)):
        return value if _NUMBER.fullmatch(str(value)) else "*"
    return numbers.setdefault(str(value), f"*{len(numbers) + 1}")
