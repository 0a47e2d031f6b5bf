"""`lodge` on a SQLite that does not wait for the disk: what the power-cut test must find out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from server.cli import main as lodge
from server.cli import serving


def main(words: list[str]) -> None:
    """As `lodge` does, but with synchronous=NORMAL and without the refusal of it."""

    @event.listens_for(Engine, "connect")
    def set_synchronous_normal(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    serving.require_durable_commits = lambda: None
    lodge(words, prog_name="lodge")
