"""A program that has one library read what strangers send, within limits of memory and time.

Its argument is the file of a module with `answer(content: bytes) -> bytes`, `MAX_MEMORY` in bytes
and `MAX_SECONDS` of processor time for one request. Its input is a row of requests, each preceded
by its length; its output a row of answers, each preceded by its length and by whether it is the
last one. What takes more than the limits ends this process, and the server goes on.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

REQUEST_HEAD = struct.Struct(">I")
ANSWER_HEAD = struct.Struct(">I?")
MAX_KEPT_BYTES = 128 * 1024 * 1024
"""What may stay in use between two requests: what a library does not give back ends with it."""


def main(source: BinaryIO, out: BinaryIO, library: ModuleType) -> None:
    """Answer requests until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (library.MAX_MEMORY, library.MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no copy of somebody's file on the disk
    is_last = False
    while not is_last and (head := source.read(REQUEST_HEAD.size)):
        content = source.read(REQUEST_HEAD.unpack(head)[0])
        signal.setitimer(signal.ITIMER_PROF, library.MAX_SECONDS)  # SIGPROF ends the process
        answer = library.answer(content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        is_last = used_bytes() > MAX_KEPT_BYTES
        out.write(ANSWER_HEAD.pack(len(answer), is_last) + answer)
        out.flush()


def used_bytes() -> int:
    """The memory that this process occupies."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def load(file: str) -> ModuleType:
    """The module of a file, without its package: that would load the whole server."""
    spec = importlib.util.spec_from_file_location("library", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, load(sys.argv[1]))
