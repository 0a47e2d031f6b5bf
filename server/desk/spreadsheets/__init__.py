"""Spreadsheets: one reader for every import, and one writer for every file that goes out."""

from __future__ import annotations

from server.desk.spreadsheets.reading import MAX_BYTES, Table, UnreadableSpreadsheet, read_table
from server.desk.spreadsheets.writing import XLSX_MIMETYPE, neutral, write_workbook

__all__ = [
    "MAX_BYTES",
    "XLSX_MIMETYPE",
    "Table",
    "UnreadableSpreadsheet",
    "neutral",
    "read_table",
    "write_workbook",
]
