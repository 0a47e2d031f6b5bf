"""The shape of telephone numbers, and their mask; static/field/phone_numbers.js mirrors it."""

from __future__ import annotations

import re
from itertools import count
from unicodedata import normalize

SEPARATORS = re.compile(r"[ ()+-]")
DIGITS = re.compile(r"[0-9]{7,}")
KNOWN_SHAPE = re.compile(
    r"(?:86|0086)?1[3-9][0-9]{9}"  # mobile
    r"|(?:0|86|0086)[1-9][0-9]{8,10}"  # with an area code
    r"|[2-8][0-9]{6,7}"  # of the same city
    r"|[48]00[0-9]{7}"
)
DIALLED = (
    re.compile(r"[+]?[0-9]{7,15}"),
    re.compile(r"[+]?[0-9](?:-?[0-9]){6,14}"),
    re.compile(r"[+]?[0-9](?:[ -]?[0-9]){6,14}"),
)
"""What a number to be dialled looks like in a text, the surest form first."""

DIGIT = "[0-9\uff10-\uff19]"
DATE_OR_NUMBER = re.compile(
    r"(?:19|20)[0-9]{2}([-/.])[0-9]{1,2}\1[0-9]{1,2}(?![0-9])"
    rf"|({DIGIT}(?:[-\u2013\u2014\uff0d ().\u00b7_]{{0,2}}{DIGIT}){{6,}})"
)
SHOWN_FIRST, SHOWN_LAST, MOBILE_LENGTH = 3, 4, 11


def is_doubtful_number(text: str) -> bool:
    """Whether a contact is a number, but none that can be called: a digit too few or too many.

    A contact that contains anything but a number is never doubted.
    """
    digits = SEPARATORS.sub("", normalize("NFKC", text))
    return bool(DIGITS.fullmatch(digits)) and not KNOWN_SHAPE.fullmatch(digits)


def phone_number(text: str | None) -> str:
    """The phone number in a text, such as a contact, to be dialled; "" if there is none."""
    found = (pattern.search(text or "") for pattern in DIALLED)
    match = next((match for match in found if match), None)
    return re.sub("[ -]", "", match.group()) if match else ""


def mask_numbers(text: str | None) -> str:
    """A text with an asterisk for each digit of its numbers but the last four, and but the first
    three of a number as long as a mobile one: 138****0021. A number has seven digits or more, with
    up to two signs between them; a date is none."""
    return DATE_OR_NUMBER.sub(_masked, text or "")


def _masked(match: re.Match[str]) -> str:
    if match.group(2) is None:
        return match.group()  # a date
    total = len(re.findall(DIGIT, match.group()))
    first = SHOWN_FIRST if total >= MOBILE_LENGTH else 0
    place = count(1)
    return re.sub(
        DIGIT,
        lambda digit: "*" if first < next(place) <= total - SHOWN_LAST else digit.group(),
        match.group(),
    )
