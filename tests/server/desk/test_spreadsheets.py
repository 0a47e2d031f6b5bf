"""Files as people have them: every format, encoding and layout gives the same sums."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter

from server.desk.spreadsheets import (
    UnreadableSpreadsheet,
    read_table,
    write_workbook,
)
from sync.service.arrears.ledger import Homes, has_heading, read_ledger

FILES = Path(__file__).parent / "spreadsheets"
LABELS = ("1-1-101", "1-1-102", "1-1-201", "1-1-202", "1-2-102", "2-1-102", "2-1-201")
HOMES = Homes((label, label) for label in LABELS)
HEADING = ("房号", "款项", "期间", "金额")
ROWS = (
    HEADING,
    ("1-1-101", "物业费", "2026-10", "1,234.50"),
    ("1-1-102", "水费", "2026-10", "-0.50"),
)
SUMS = {"1-1-101": 123450, "1-1-102": -50}


def read(content: bytes):
    table = read_table(content)
    return read_ledger(table.rows, HOMES, [HEADING], table.merged)


def sums(ledger) -> dict[str, int]:
    return {home: sum(line["cents"] for line in lines) for home, lines in ledger.accounts.items()}


def workbook(fill) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        fill(book.add_worksheet(), book)
    return out.getvalue()


def ods(rows: str) -> bytes:
    """A spreadsheet of LibreOffice with these rows of XML."""
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><m:manifest '
            'xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content{names}><office:body>'
            f'<office:spreadsheet><table:table table:name="a">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return out.getvalue()


def ods_row(*cells: str, repeated: int = 1, blank: int = 16380) -> str:
    written = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        for cell in cells
    )
    return (
        f'<table:table-row table:number-rows-repeated="{repeated}">{written}'
        f'<table:table-cell table:number-columns-repeated="{blank}"/></table:table-row>'
    )


@pytest.mark.rule("U20")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01-title-row.xlsx", {"1-1-101": 10000}),
        ("02-serial-col.xlsx", {"1-1-101": 10000}),
        ("05-period-date.xlsx", {"1-1-101": 20000}),
        ("07-formula-amounts.xlsx", {"1-1-102": 21033, "1-1-201": 30, "1-1-202": 23598}),
        ("10-home-spellings.xlsx", {"1-1-101": 40700}),
        ("12-unicode-text.csv", {"1-1-101": 10000}),
        ("15-stray-space-row-60000.xlsx", {"1-1-101": 10000}),
        ("17-credit.xlsx", {"1-1-101": 5000}),
        ("20-ledger-with-bad-rows.csv", {"1-1-101": 23550, "1-1-202": 8000, "1-2-102": 6000}),
        ("22-bad-rows-mended.xlsx", {"1-1-101": 3550, "1-1-202": 8000}),
        ("24-ledger-as-typed.csv", {"2-1-102": 6000, "2-1-201": 7000}),
        ("25-same-ledger-resaved-in-excel.xlsx", {"2-1-102": 6000, "2-1-201": 7000}),
        ("merged-home.xls", {"1-1-101": 10100}),
    ],
)
def test_files_that_people_had_give_the_right_sums(name, expected):
    ledger = read((FILES / name).read_bytes())
    assert sums(ledger) == expected
    bad = [("1-1-101", "no-amount")] if name.startswith("07") else []
    assert [(row.cells[0], row.code) for row in ledger.bad_rows] == bad


def test_periods_are_read_by_what_they_mean():
    periods = [
        [line["period"] for line in read((FILES / name).read_bytes()).accounts["2-1-102"]]
        for name in ("24-ledger-as-typed.csv", "25-same-ledger-resaved-in-excel.xlsx")
    ]
    assert periods == [["2026-10"], ["2026-10"]]


@pytest.mark.rule("U20")
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"]
)
@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "，"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_files_of_every_encoding_and_delimiter(encoding, delimiter, end):
    text = end.join(delimiter.join(f'"{cell}"' for cell in row) for row in ROWS)
    assert sums(read(text.encode(encoding))) == SUMS


def test_a_text_file_with_the_mark_of_utf_16_big_endian():
    text = "\n".join("\t".join(row) for row in ROWS)
    assert sums(read(b"\xfe\xff" + text.encode("utf-16-be"))) == SUMS


def test_what_a_file_is_called_does_not_matter_but_what_it_holds_does():
    assert sums(read(write_workbook(ROWS))) == SUMS
    for content in (
        b"",
        b"PK\x03\x04 no",
        b"\xd0\xcf\x11\xe0 no",
        b"\x00" * 300,
        b"\xff\xff",
        b"word",
    ):
        with pytest.raises(UnreadableSpreadsheet):
            read_table(content)


@pytest.mark.rule("U20")
def test_numbers_dates_and_merged_cells_of_a_workbook():
    def fill(sheet, book):
        sheet.merge_range(0, 0, 0, 6, "2026年10月欠费")
        for column, text in enumerate(("序号", *HEADING, "备注"), start=1):
            sheet.write(2, column, text)
        sheet.write_row(3, 3, ["物业费"])
        sheet.write_datetime(3, 4, date(2026, 10, 1), book.add_format({"num_format": "yyyy-mm"}))
        sheet.write_formula(3, 5, "=0.1+0.2", None, 0.1 + 0.2)
        sheet.write_row(4, 3, ["水费", 202610, 89.1])
        sheet.merge_range(3, 2, 4, 2, "1-1-101")
        sheet.write_row(5, 2, ["1-1-102", "水费", "2026年10月"])
        sheet.write_string(5, 5, "=89.5*2.4")
        sheet.write_row(6, 2, ["1-2-102", "水费", "2026年10月", "=89.5*2.4"])  # not calculated
        sheet.write_row(7, 1, ["合计", "", "", "", 303.2])

    ledger = read(workbook(fill))
    assert sums(ledger) == {"1-1-101": 8940, "1-1-102": 21480}
    assert [(row.number, row.code) for row in ledger.bad_rows] == [(7, "zero")]
    assert {line["period"] for lines in ledger.accounts.values() for line in lines} == {"2026-10"}


def test_no_sheet_is_left_out_and_no_hidden_one_is_read():
    def fill(names, hidden=()):
        def each(sheet, book):
            sheet.write_row(0, 0, ("Instructions",))
            for name in names:
                more = book.add_worksheet(name)
                for place, row in enumerate(ROWS):
                    more.write_row(place, 0, row)
                if name in hidden:
                    more.hide()

        return workbook(each)

    def rows_of(content):
        return read_table(content, lambda rows: has_heading(rows, [HEADING])).rows

    assert len(rows_of(fill(["a"]))) == len(ROWS)
    assert len(rows_of(fill(["a", "b"], hidden=["a"]))) == len(ROWS)
    with pytest.raises(UnreadableSpreadsheet, match="several-tables"):
        rows_of(fill(["a", "b"]))


@pytest.mark.parametrize("rows", [65_536, 2**31, 2**32 - 1])
def test_what_an_old_workbook_says_of_its_size_ends_no_process(rows):
    content = (FILES / "merged-home.xls").read_bytes()
    at = content.index(struct.pack("<HH", 0x200, 14)) + 4
    size = struct.pack("<IIHHH", 0, rows, 0, 256 if rows == 65_536 else 65_535, 0)
    forged = content[:at] + size + content[at + 14 :]
    if rows == 65_536:
        assert sums(read(forged)) == {"1-1-101": 10100}
    else:
        with pytest.raises(UnreadableSpreadsheet):
            read_table(forged)


def test_a_text_file_whose_quotes_do_not_end_is_refused():
    with pytest.raises(UnreadableSpreadsheet):
        read_table(b'a,b\n1,"2\n3,4\n')


def test_an_empty_sheet_before_the_table_is_passed_over():
    def fill(_, book):
        sheet = book.add_worksheet()
        for number, row in enumerate(ROWS):
            sheet.write_row(number, 0, row)

    assert sums(read(workbook(fill))) == SUMS


@pytest.mark.rule("U20")
def test_a_spreadsheet_of_libreoffice():
    blank = ods_row(repeated=1048570, blank=16384)
    assert sums(read(ods("".join(ods_row(*row) for row in ROWS) + blank))) == SUMS


@pytest.mark.parametrize(
    "far",
    [
        lambda: workbook(lambda sheet, _: sheet.write(1048575, 16383, " ")),
        lambda: workbook(lambda sheet, _: sheet.write(60_000, 16383, "x")),
        lambda: ods(ods_row("x", blank=16383, repeated=1048576) + ods_row(*["x"] * 9)),
    ],
)
@pytest.mark.asvs("5.2.3", "15.2.2")
def test_a_cell_far_outside_is_found_before_the_sheet_is_read(far):
    with pytest.raises(UnreadableSpreadsheet, match="too-far-out"):
        read_table(far())
