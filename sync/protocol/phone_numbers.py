"""The shape of Chinese telephone numbers; static/field/phone_numbers.js mirrors it."""

from __future__ import annotations

import re
from unicodedata import normalize

SEPARATORS = re.compile(r"[ ()+-]")
DIGITS = re.compile(r"[0-9]{7,}")
KNOWN_SHAPE = re.compile(
    r"(?:86|0086)?1[3-9][0-9]{9}"  # mobile
    r"|(?:0|86|0086)[1-9][0-9]{8,10}"  # with an area code
    r"|[2-8][0-9]{6,7}"  # of the same city
    r"|[48]00[0-9]{7}"
)


def is_doubtful_number(text: str) -> bool:
    """Whether a contact is a number, but none that can be called: a digit too few or too many.

    A contact that contains anything but a number is never doubted.
    """
    digits = SEPARATORS.sub("", normalize("NFKC", text))
    return bool(DIGITS.fullmatch(digits)) and not KNOWN_SHAPE.fullmatch(digits)
