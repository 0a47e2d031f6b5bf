"""A list as PDF."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import BytesIO
from time import process_time

import pytest
from flask import Flask
from pypdf import PdfReader

from server.desk.documents.pdf import MAX_CELLS, NoPdf
from server.desk.documents.tables import table_pdf
from server.i18n.locale import in_language

COLUMNS = ("房号", "事项", "经办")
MARKUP = '#read("/etc/passwd") *重* $x$ \\ [a] @b <c> // "'


def list_pdf(app: Flask, rows: Sequence[Sequence[str]], language: str = "zh") -> bytes:
    with app.test_request_context("/"):
        return in_language(
            language,
            lambda: table_pdf("没结的工单", [("期间", "2026-10")], COLUMNS, rows, "日志 7 ab12"),
        )


def pages_of(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(content)).pages]


def test_a_table_has_all_rows_and_its_head_on_each_page(app: Flask) -> None:
    rows = [(f"3-2-{number}", f"水管漏水 {number}", "陈振华") for number in range(400)]
    pages = pages_of(list_pdf(app, rows))
    text = "\n".join(pages)
    assert len(pages) > 3
    assert all(all(name in page for name in COLUMNS) for page in pages)
    assert all(f"水管漏水 {number}" in text for number in range(400))
    assert "没结的工单" in pages[0]
    assert "2026-10" in pages[0]
    assert all("日志 7 ab12" in page for page in pages)
    assert f"第 2 页，共 {len(pages)} 页" in pages[1]


def test_the_same_rows_give_the_same_bytes(app: Flask) -> None:
    rows = [("3-2-501", "厨房顶漏水", "陈振华")]
    assert list_pdf(app, rows) == list_pdf(app, rows)


def test_text_is_never_markup(app: Flask) -> None:
    text = pages_of(list_pdf(app, [("3-2-501", MARKUP, "陈振华")]))[0]
    assert MARKUP.replace(" ", "") in text.replace(" ", "").replace("\n", "")


def test_a_table_that_would_take_too_much_memory_is_refused(app: Flask) -> None:
    with pytest.raises(NoPdf) as refused:
        list_pdf(app, [("", "", "")] * (MAX_CELLS // len(COLUMNS) + 1))
    assert refused.value.code == "too-long"


def test_without_typst_there_is_a_reason(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)  # as if it were not installed
    with pytest.raises(NoPdf) as refused:
        list_pdf(app, [])
    assert refused.value.code == "missing"


def test_four_hundred_rows_take_no_time_of_the_server(app: Flask) -> None:
    rows = [(f"3-2-{number}", "水管漏水", "陈振华") for number in range(400)]
    begun = process_time()
    list_pdf(app, rows)
    assert process_time() - begun < 0.5
