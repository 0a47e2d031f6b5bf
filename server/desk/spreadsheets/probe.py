"""A program that reads a workbook from its input and does nothing with it.

The library ends the whole process for some damaged or forged files, so it meets a file here first.
Ends with 0 if it came to an end, be it with an error, and with TOO_FAR_OUT for a sheet of too many
cells.
"""

from __future__ import annotations

import resource
import sys
from io import BytesIO

import python_calamine

MAX_MEMORY = 1024 * 1024 * 1024
TOO_FAR_OUT = 3


def main(max_cells: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    try:
        book = python_calamine.load_workbook(BytesIO(sys.stdin.buffer.read()))
        sheets = (book.get_sheet_by_index(place) for place in range(len(book.sheet_names)))
        return TOO_FAR_OUT if any(each.height * each.width > max_cells for each in sheets) else 0
    except (python_calamine.CalamineError, OSError, ValueError, IndexError):
        return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
