"""Turns photos into upright small JPEGs. Runs in a process of its own, by `server.bounded`.

An answer begins with one of the bytes below.
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 16_000_000
MAX_SIDE_PIXELS = 2048
MAX_MEMORY = 512 * 1024 * 1024
MAX_SECONDS = 4.0
"""A progressive JPEG of 4 MiB can occupy a decoder for hours."""
FORMATS = ("JPEG", "PNG", "WEBP")
DECODED, NOT_A_PICTURE, TOO_LARGE = b"+", b"?", b"!"


def answer(content: bytes) -> bytes:
    """The picture, or why there is none."""
    try:
        return _reencode(content)
    except (MemoryError, Image.DecompressionBombError):
        return TOO_LARGE
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return NOT_A_PICTURE


def _reencode(content: bytes) -> bytes:
    """The picture as an upright JPEG of at most `MAX_SIDE_PIXELS`, without location, camera and
    other metadata. Its size is read from its head before anything is decoded."""
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            return TOO_LARGE
        image.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))  # before anything else is made of it
        upright = ImageOps.exif_transpose(image).convert("RGB")
    out = BytesIO()
    upright.save(out, "JPEG", quality=82)
    return DECODED + out.getvalue()
