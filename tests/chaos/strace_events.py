"""strace on a living process: what it wrote to which file, what it waited for, what it said."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.wait_for import wait_for

TRACED_CALLS = "pwrite64,write,fsync,fdatasync,ftruncate,rename,unlink,sendto"
CALL_PATTERN = re.compile(
    r"\d+ +(?:<\.\.\. )?(?P<name>\w+)(?:\((?P<fd>\d+)<(?P<path>[^>]*)>| resumed>)(?P<rest>.*)"
)
DATA_PATTERN = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
ID_PATTERN = re.compile(rb'"id":\s*"([0-9a-f-]{36})"')


@dataclass(frozen=True, slots=True)
class FileEvent:
    """One thing that happened: a write, a cut of a file, a sync, or an answer to a phone."""

    kind: str
    file: str = ""
    offset: int = 0
    data: bytes = b""
    acknowledged: tuple[str, ...] = ()


@contextmanager
def attach_strace(strace: str, pid: int, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """strace at a process and all its threads, from now until the end of the block."""
    command = [strace, "-f", "-q", *words, "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as watching:
        try:
            wait_for(lambda: _is_attached(Path(f"/proc/{pid}/task")))
            yield watching
        finally:
            watching.terminate()
            watching.communicate(timeout=30)


def _is_attached(tasks: Path) -> bool:
    try:
        said = [(task / "status").read_text() for task in tasks.iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return True  # held, and killed already
    return all("TracerPid:\t0\n" not in each for each in said)


@contextmanager
def record_writes(strace: str, pid: int, into: Path) -> Iterator[None]:
    """All that a process writes, with its content."""
    how = ("-y", "-xx", "-s", "2000000", "-e", f"trace={TRACED_CALLS}", "-o", str(into))
    with attach_strace(strace, pid, *how):
        yield


def parse_trace(trace: Path, folder: Path) -> Iterator[FileEvent]:
    """What happened to the files of a folder, and which ops were answered, in its order."""
    unfinished: dict[str, re.Match[str]] = {}
    with trace.open() as lines:
        for line in lines:
            call = CALL_PATTERN.match(line)
            if call is None:
                continue
            thread = line.split(maxsplit=1)[0]
            if call["fd"] is None:
                begun = unfinished.pop(thread, None)
                if begun and begun["name"].endswith("sync"):
                    yield from _parse_call(begun, call["rest"], folder)
            elif line.endswith("<unfinished ...>\n"):
                unfinished[thread] = call
                if not call["name"].endswith("sync"):  # what is begun may have happened
                    yield from _parse_call(call, call["rest"] + " = 0", folder)
            else:
                yield from _parse_call(call, call["rest"], folder)


def _parse_call(call: re.Match[str], rest: str, folder: Path) -> Iterator[FileEvent]:
    if re.search(r"= -1 ", rest):
        return
    name, path = call["name"], Path(_unescape(call["path"]).decode())
    said = DATA_PATTERN.search(rest)
    data = _unescape(said[1]) if said else b""
    if name == "sendto":
        ids = (
            tuple(id_.decode() for id_ in ID_PATTERN.findall(data)) if b'"verdicts"' in data else ()
        )
        if ids:
            yield FileEvent("answer", acknowledged=ids)
    elif path.parent == folder and not path.name.endswith("-shm"):
        if name.endswith("sync"):
            yield FileEvent("sync", path.name)
        elif name == "ftruncate":
            yield FileEvent("cut", path.name, _last_number(rest))
        elif name == "pwrite64":
            yield FileEvent("write", path.name, _last_number(rest[said.end() :]), data)


def _last_number(words: str) -> int:
    """The last argument: where a write begins, or where a file is cut."""
    return int(re.findall(r", (\d+)", words)[-1])


def _unescape(hexed: str) -> bytes:
    return bytes.fromhex(hexed.replace("\\x", ""))
