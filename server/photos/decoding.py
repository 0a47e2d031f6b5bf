"""Decodes uploaded photos, one at a time, in a process whose memory and time are limited."""

from __future__ import annotations

from server.bounded.process import BoundedProcess
from server.photos import decoder

MAX_WAITING = 2


class NotAPicture(ValueError):
    """The bytes are no JPEG, PNG or WebP picture."""


class PictureTooLarge(ValueError):
    """The picture has too many pixels, or takes too long to decode."""


def reencode(content: bytes) -> bytes:
    """The picture as a small upright JPEG without metadata. Raises Busy, NotAPicture,
    PictureTooLarge."""
    answer = _process.ask(content)
    kind, picture = answer[:1], answer[1:]
    if kind == decoder.NOT_A_PICTURE:
        raise NotAPicture
    if kind != decoder.DECODED:
        raise PictureTooLarge
    return picture


_process = BoundedProcess(decoder, MAX_WAITING)
