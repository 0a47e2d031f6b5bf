"""A program that turns photos into upright small JPEGs, in a process of its own.

Its input is a row of photos, its output a row of answers, each preceded by its length; an answer
begins with one of the bytes below. A photo that takes more memory or processor time than the limits
ends the process or is answered with TOO_LARGE, and the server goes on.
"""

from __future__ import annotations

import resource
import signal
import struct
import sys
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 16_000_000
MAX_SIDE_PIXELS = 2048
MAX_MEMORY = 512 * 1024 * 1024
MAX_SECONDS = 4.0
"""Of processor time, for one photo: a progressive JPEG of 4 MiB can occupy a decoder for hours."""
FORMATS = ("JPEG", "PNG", "WEBP")
DECODED, NOT_A_PICTURE, TOO_LARGE = b"+", b"?", b"!"
LENGTH = struct.Struct(">I")


def main(source: BinaryIO, out: BinaryIO) -> None:
    """Answer photos until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    while head := source.read(LENGTH.size):
        content = source.read(LENGTH.unpack(head)[0])
        signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)  # SIGPROF ends the process
        answer = _answer(content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        out.write(LENGTH.pack(len(answer)) + answer)
        out.flush()


def _answer(content: bytes) -> bytes:
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


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
