"""Spreadsheets that want more memory or time than a spreadsheet needs."""

from __future__ import annotations

import io
import random
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.bounded import child
from server.bounded.process import BoundedProcess
from server.desk.ledger_import import LEDGER_FILE_ERRORS
from server.desk.spreadsheets import UnreadableSpreadsheet, read_table, write_workbook
from server.desk.spreadsheets.reader import MAX_FILLED_CELLS, MAX_UNPACKED_BYTES
from server.desk.spreadsheets.reading import MAX_BYTES, MAX_WAITING
from tests.server.desk.test_spreadsheets import FILES, ROWS, ods, ods_row

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
LAUGHS = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(12)
).encode()


def with_part(name: str, text: bytes) -> bytes:
    """A workbook one part of which is replaced."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(write_workbook(ROWS))) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for part in source.infolist():
            archive.writestr(part, text if part.filename == name else source.read(part))
    return out.getvalue()


def sheet_of(rows: bytes) -> bytes:
    name = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (name, rows)


def with_entities() -> bytes:
    """Billion laughs: a text of 20 TB in ten lines."""
    text = b"<!DOCTYPE x [%s]><sst><si><t>&l11;</t></si></sst>" % LAUGHS
    return with_part(STRINGS, text)


def with_file_of_the_server() -> bytes:
    text = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><sst><si><t>&e;</t></si></sst>'
    return with_part(STRINGS, text)


def of_many_cells() -> bytes:
    """More cells than anybody looks through, all near each other."""
    row = b"<row>" + b"<c><v>1</v></c>" * 100 + b"</row>"
    return with_part(SHEET, sheet_of(row * (MAX_FILLED_CELLS // 100 + 1)))


def of_long_texts() -> bytes:
    """A small file whose cells repeat one long text: 9 MB of it."""
    long = b'<c t="inlineStr"><is><t>' + b"x" * 30_000 + b"</t></is></c>"
    return with_part(SHEET, sheet_of((b"<row>" + long + b"</row>") * 300))


HOSTILE = {
    "zip bomb": (lambda: with_part(SHEET, bytes(MAX_UNPACKED_BYTES + 1)), "too-far-out"),
    "bomb elsewhere": (lambda: with_part(STRINGS, b" " * (MAX_UNPACKED_BYTES - 9)), "too-far-out"),
    "billion laughs": (with_entities, "unreadable"),
    "file of the server": (with_file_of_the_server, "unreadable"),
    "many cells": (of_many_cells, "too-long"),
    "long texts": (of_long_texts, "too-long"),
    "tags without end": (lambda: with_part(SHEET, b"<row " * 200_000), "unreadable"),
    "rows of nothing": (
        lambda: ods(ods_row("x", repeated=999_999_999) + ods_row(*["x"] * 9)),
        "too-far-out",
    ),
    "one cell outside of every sheet": (
        lambda: with_part(SHEET, sheet_of(b'<row><c r="ZZZZZZZ99999999999"><v>1</v></c></row>')),
        "too-far-out",
    ),
    "broken archive": (lambda: write_workbook(ROWS)[:-200], "unreadable"),
    "wide text": (lambda: b"a," * (MAX_BYTES // 2), "too-long"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.asvs("1.5.1", "5.2.3", "15.2.2")
def test_a_hostile_file_is_refused_with_its_reason(name):
    make, code = HOSTILE[name]
    with pytest.raises(UnreadableSpreadsheet) as error:
        read_table(make())
    assert error.value.code == code
    assert len(read_table(write_workbook(ROWS)).rows) == len(ROWS), "the next one is read"


def test_what_takes_for_ever_or_all_memory_ends_the_process_and_not_the_server(bounded):
    for content in (b"loop", b"memory", b"exit"):
        assert bounded.ask(content) == b""
        assert bounded.ask(b"echo") == b"echo"


def test_a_process_that_holds_much_is_replaced(bounded):
    first, same = bounded.ask(b"pid"), bounded.ask(b"pid")
    assert first == same
    assert bounded.ask(b"keep") == b"kept"
    assert bounded.ask(b"pid") != first


@pytest.fixture
def bounded(tmp_path):
    """A library that does whatever it is told."""

    file = tmp_path / "greedy.py"
    file.write_text(
        "import os\n"
        f"MAX_MEMORY, MAX_SECONDS, kept = {child.MAX_KEPT_BYTES * 4}, 0.3, []\n"
        "def answer(content):\n"
        "    match content:\n"
        "        case b'loop':\n"
        "            while True: pass\n"
        "        case b'memory': return bytes(MAX_MEMORY)\n"
        "        case b'exit': os._exit(1)\n"
        "        case b'pid': return str(os.getpid()).encode()\n"
        f"        case b'keep': kept.append(b'x' * {child.MAX_KEPT_BYTES}); return b'kept'\n"
        "    return content\n"
    )
    process = BoundedProcess(child.load(str(file)), MAX_WAITING)
    yield process
    process.stop()


def test_whoever_comes_while_others_are_read_is_asked_to_come_again():
    content = of_long_texts()
    with ThreadPoolExecutor(6) as together:
        outcomes = set(together.map(outcome_of, [content] * 6))
    assert outcomes == {"busy", "too-long"}


def outcome_of(content: bytes) -> str:
    """What became of a file: `read`, or the code of why not."""
    try:
        read_table(content)
    except UnreadableSpreadsheet as error:
        return error.code
    return "read"


def test_damaged_files_of_every_format_are_refused_or_read():
    """Bytes changed at random."""
    rng, outcomes = random.Random(3), set()
    for file in [*sorted(FILES.glob("*.xls*")), None]:
        content = file.read_bytes() if file else ods(ods_row("a", "b"))
        for _ in range(8):
            damaged = bytearray(content)
            for _ in range(rng.randint(1, 30)):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            outcomes.add(outcome_of(bytes(damaged)))
    assert outcomes <= set(LEDGER_FILE_ERRORS) | {"read"}
