"""Whether two texts are about the same home or thing; static/field/likeness.js mirrors it."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

HOME_NUMBER = re.compile(
    r"(?<![0-9])[0-9]+(?: *(?:号楼|号|栋|幢|座|单元|层|[-–—/#]) *[0-9]+)*(?![0-9年月日元块米点.:])"
)
"""The number of a home as people write it: 301, 3-2-501, 3栋2单元501; no year, price or time."""

MIN_ROOM_DIGITS, MAX_ROOM_DIGITS = 3, 4
"""A shorter number is a floor or a count, a longer one a telephone or a code."""

CHINESE_RUN = re.compile(r"[\u4e00-\u9fff]+")
LATIN_WORD = re.compile(r"[a-z]{3,}")
EVERYDAY_WORDS = frozenset(
    {"the", "and", "for", "with", "from", "has", "have", "there", "not", "room", "home"}
    | {"业主", "住户", "家里", "我家", "他家", "反映", "请问", "师傅", "物业", "单元", "号楼"}
)
"""Words that stand in reports of every kind."""


CACHED_TEXTS = 1_000
"""A list of open tickets compares each text with many others."""


def names_same_home(one: str, other: str) -> bool:
    """Whether a home's number stands in both texts. 501 and 3-2-501 may be the same home, 1-2-501
    and 3-2-501 are not."""
    numbers = home_numbers(other)
    return any(_ends_alike(a, b) for a in home_numbers(one) for b in numbers)


@lru_cache(CACHED_TEXTS)
def home_numbers(text: str) -> list[list[str]]:
    """The home numbers in a text, each as its parts without leading zeros, the room last."""
    numbers = HOME_NUMBER.findall(normalize("NFKC", text))
    found = [re.findall(r"[0-9]+", number) for number in numbers]
    rooms = [parts for parts in found if MIN_ROOM_DIGITS <= len(parts[-1]) <= MAX_ROOM_DIGITS]
    return [[part.lstrip("0") for part in parts] for parts in rooms]


def shares_words(one: str, other: str) -> bool:
    """Whether two texts have a word in common; of Chinese, two characters that follow each
    other."""
    return bool(_words(one) & _words(other))


def _ends_alike(one: list[str], other: list[str]) -> bool:
    shorter = min(len(one), len(other))
    return one[-shorter:] == other[-shorter:]


@lru_cache(CACHED_TEXTS)
def _words(text: str) -> frozenset[str]:
    text = text.lower()
    pairs = {run[i : i + 2] for run in CHINESE_RUN.findall(text) for i in range(len(run) - 1)}
    return frozenset(pairs | set(LATIN_WORD.findall(text))) - EVERYDAY_WORDS
