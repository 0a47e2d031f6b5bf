"""A type of document: where it is reached, who may take it, and what builds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from server.desk.documents.model import Document


@dataclass(frozen=True, slots=True)
class DocumentType:
    """`path` is the address of what the document is about, with one argument for `build`: an id, a
    month or a year. `build` aborts with 404 where there is no such thing.

    `page` is the page to which the document belongs, with `{}` for the argument; "" is its path.

    A document that has personal data of residents or visitors, or what is said against somebody,
    is `logged_as` an export of this type of record: whoever takes it proves once more who they are,
    and is in the security log.
    """

    name: str
    path: str
    roles: frozenset[str]
    build: Callable[[str], Document]
    logged_as: str = ""
    page: str = ""
