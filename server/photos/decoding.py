"""Decodes uploaded photos, one at a time, in a process whose memory and time are limited."""

from __future__ import annotations

import atexit
import select
import subprocess
import sys
import threading
from contextlib import suppress
from typing import BinaryIO, cast

from server.photos import decoder

MAX_WAITING = 2
"""Requests that wait for the decoder; more would keep every thread of the server waiting."""
ANSWER_SECONDS = 60
PHOTOS_PER_PROCESS = 100
"""Then a new process begins: what a library did not give back ends with the old one."""


class DecoderBusy(Exception):
    """Too many photos wait, or the machine is too slow now; the photo may be sent again."""


class NotAPicture(ValueError):
    """The bytes are no JPEG, PNG or WebP picture."""


class PictureTooLarge(ValueError):
    """The picture has too many pixels, or takes too long to decode."""


class PhotoDecoder:
    """The process that decodes, and who waits for it. It starts with the first photo."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(1 + MAX_WAITING)
        self._process: subprocess.Popen[bytes] | None = None
        self._decoded = 0

    def reencode(self, content: bytes) -> bytes:
        """The picture as a small upright JPEG without metadata. Raises DecoderBusy, NotAPicture,
        PictureTooLarge."""
        if not self._places.acquire(blocking=False):
            raise DecoderBusy
        try:
            with self._turn:
                answer = self._ask(content)
        finally:
            self._places.release()
        kind, picture = answer[:1], answer[1:]
        if kind == decoder.NOT_A_PICTURE:
            raise NotAPicture
        if kind != decoder.DECODED:  # the process ended
            raise PictureTooLarge
        return picture

    def stop(self) -> None:
        """End the process; the next photo starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    cast(BinaryIO, pipe).close()
        self._process, self._decoded = None, 0

    def _ask(self, content: bytes) -> bytes:
        """The answer of the process, or nothing if it ended."""
        if self._decoded >= PHOTOS_PER_PROCESS:
            self.stop()
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", decoder.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self._decoded += 1
        answer = b""
        try:
            answer = self._exchange(
                cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout), content
            )
        finally:
            if not answer:
                self.stop()
        return answer

    @staticmethod
    def _exchange(stdin: BinaryIO, stdout: BinaryIO, content: bytes) -> bytes:
        with suppress(BrokenPipeError):
            stdin.write(decoder.LENGTH.pack(len(content)) + content)
            stdin.flush()
        if not select.select([stdout], [], [], ANSWER_SECONDS)[0]:
            raise DecoderBusy
        head = stdout.read(decoder.LENGTH.size)
        return stdout.read(decoder.LENGTH.unpack(head)[0]) if head else b""


photo_decoder = PhotoDecoder()
"""The one of this server process."""
atexit.register(photo_decoder.stop)
