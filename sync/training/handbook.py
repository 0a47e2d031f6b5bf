"""The handbook that comes with Lodge: a content pack like any other, in our own words.

Where nobody has told us anything there is an empty card that says so; nothing is made up. To change
it: take it in at a desk, revise the cards there, export them under the next version.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sync.training.content_packs import InvalidPack, Pack, read_pack

HANDBOOK_PATH = Path(__file__).with_name("handbook.json")


@cache
def load_handbook() -> Pack:
    """C9, Z10: the default cards; a group that nobody has filled yet waits with an empty card."""
    pack = read_pack(HANDBOOK_PATH.read_bytes())
    if isinstance(pack, InvalidPack):
        raise ValueError(f"{HANDBOOK_PATH} is no pack: {pack.code} {pack.where}")
    return pack
