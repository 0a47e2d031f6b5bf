"""The number of an identity document is never stored, wherever somebody wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ID_NUMBER = re.compile(r"(?<![0-9])[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx](?![0-9])", re.ASCII)
MASK = "*" * 18
_suspect = re.compile(r"[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx]")
DIGEST = re.compile(r"[0-9a-f]{64}")


def is_suspect(text: str) -> bool:
    """Whether JSON may hold an identity number.

    Wider than `ID_NUMBER`: what stands before a number may be an escape that ends in a digit.
    """
    return _suspect.search(text) is not None


def masked(value: Any) -> Any:
    """V5: every 18-digit identity number in free text becomes asterisks."""
    if isinstance(value, str):
        return value if DIGEST.fullmatch(value) else ID_NUMBER.sub(MASK, value)
    if isinstance(value, dict):
        return {name: masked(inner) for name, inner in value.items()}
    return [masked(inner) for inner in value] if isinstance(value, list) else value


def blanked(value: Any, blanks: Mapping[str, Any]) -> Any:
    """V12: what is left of a payload once its record is purged: the same shape, nobody's data."""
    if isinstance(value, dict):
        return {
            name: blanks[name] if name in blanks and inner else blanked(inner, blanks)
            for name, inner in value.items()
        }
    return [blanked(inner, blanks) for inner in value] if isinstance(value, list) else value
