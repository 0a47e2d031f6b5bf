"""Asks a library in a process of its own, one request at a time."""

from __future__ import annotations

import atexit
import select
import subprocess
import sys
import threading
from contextlib import suppress
from types import ModuleType
from typing import BinaryIO, cast

from server.bounded import child

ANSWER_SECONDS = 60


class Busy(Exception):
    """Too many requests wait, or the machine is too slow now; the same may be asked again."""


class BoundedProcess:
    """The process of one library, and who waits for it. It starts with the first request."""

    def __init__(self, library: ModuleType, max_waiting: int) -> None:
        """`library` is what `child` loads; `max_waiting` are requests that wait for the one that
        is answered: more would keep every thread of the server waiting."""
        self._program = [sys.executable, "-P", child.__file__, cast(str, library.__file__)]
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(1 + max_waiting)
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.stop)

    def ask(self, content: bytes) -> bytes:
        """The answer of the library; nothing if it took too much memory or time, or ended the
        process. Raises Busy."""
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            with self._turn:
                return self._ask(content)
        finally:
            self._places.release()

    def stop(self) -> None:
        """End the process; the next request starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    cast(BinaryIO, pipe).close()
        self._process = None

    def _ask(self, content: bytes) -> bytes:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a library may quote there what it read
                env={},
            )
        answer, is_last = b"", True
        try:
            answer, is_last = self._exchange(
                cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout), content
            )
        finally:
            if is_last:
                self.stop()
        return answer

    @staticmethod
    def _exchange(stdin: BinaryIO, stdout: BinaryIO, content: bytes) -> tuple[bytes, bool]:
        """The answer, and whether the process ends with it."""
        with suppress(BrokenPipeError):
            stdin.write(child.REQUEST_HEAD.pack(len(content)) + content)
            stdin.flush()
        if not select.select([stdout], [], [], ANSWER_SECONDS)[0]:
            raise Busy
        head = stdout.read(child.ANSWER_HEAD.size)
        if len(head) < child.ANSWER_HEAD.size:
            return b"", True
        length, is_last = child.ANSWER_HEAD.unpack(head)
        answer = stdout.read(length)
        return (answer, is_last) if len(answer) == length else (b"", True)
