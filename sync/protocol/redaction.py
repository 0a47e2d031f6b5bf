"""Removing personal data: masked identity numbers, and payloads of purged records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ID_NUMBER = re.compile(r"(?<![0-9])[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx](?![0-9])", re.ASCII)
MASK = "*" * 18
_SUSPECT = re.compile(r"[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx]")
SHA256_HEX = re.compile(r"[0-9a-f]{64}")


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


def redact(value: Any, redacted_values: Mapping[str, Any]) -> Any:
    """V12: a payload of a purged record: the same structure, with the personal data replaced."""
    if isinstance(value, dict):
        return {
            name: redacted_values[name]
            if name in redacted_values and inner
            else redact(inner, redacted_values)
            for name, inner in value.items()
        }
    return [redact(inner, redacted_values) for inner in value] if isinstance(value, list) else value
