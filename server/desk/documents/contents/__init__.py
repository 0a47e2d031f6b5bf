"""What each document says, one module a document.

A module declares its `DOCUMENT`. It is found here, so a new one needs no line anywhere else.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from server.desk.documents.document_type import DocumentType


def document_types() -> list[DocumentType]:
    """Every type of document, by its name."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return [import_module(f"{__name__}.{name}").DOCUMENT for name in names]
