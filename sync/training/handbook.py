"""The handbook that comes with Lodge: a content pack in our own words.

Where we have no content, a card is empty and says so. To change the handbook: import it at a desk,
revise the cards there, and export them as the next version.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sync.training.content_packs import InvalidPack, Pack, read_pack

HANDBOOK_PATH = Path(__file__).with_name("handbook.json")


@cache
def load_handbook() -> Pack:
    """C9, Z10: the default cards. A group without content has an empty card.

    Raises ValueError if the file is not a valid pack.
    """
    pack = read_pack(HANDBOOK_PATH.read_bytes())
    if isinstance(pack, InvalidPack):
        raise ValueError(f"{HANDBOOK_PATH} is no pack: {pack.code} {pack.where}")
    return pack
