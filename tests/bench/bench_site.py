"""What is measured: a real server on the demo estate, its phones, and duties for them to do."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import func, select, update
from uuid_utils.compat import uuid7

from server import create_app
from server.auth.devices import device_for_token, issue_code
from server.auth.phone_credentials import register_credential
from server.config import with_psycopg_driver
from server.db.engine import db, write_transaction
from server.db.statements import insert_rows
from server.maintenance.demo import demo_id
from server.oplog.receive import make_op, submit_many
from server.sync_api.cursor import FEED_VERSION, Cursor
from server.sync_api.phone_scope import phone_scope
from sync.protocol.clock import format_time
from tests.bench.http_load import build_post
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport, KeyPair, PhoneClient

SITE, ANA = demo_id("squirrel"), demo_id("squirrel", "ana")
WINDOW_STEP = timedelta(minutes=30)


class BenchSite:
    """A served estate in a folder of its own, on SQLite or at a URL of PostgreSQL."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.server, self.database_url = LiveServer(folder, database_url), database_url
        self.server.run("init", "--demo")
        self.numbers = itertools.count()

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def pid(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid

    @contextmanager
    def app_context(self) -> Iterator[None]:
        """This process for a moment as the server's own: same database, same key."""
        settings: dict[str, Any] = {"DATA_DIR": self.server.env["LODGE_DATA_DIR"]}
        if self.database_url:
            settings["SQLALCHEMY_DATABASE_URI"] = with_psycopg_driver(self.database_url)
        with create_app(settings).app_context():
            yield

    @property
    def sqlite(self) -> Path:
        return Path(self.server.env["LODGE_DATA_DIR"]) / "lodge.sqlite3"

    def enrol_clients(self, number: int) -> list[PhoneClient]:
        """Freshly enrolled phones."""
        with self.app_context():
            codes = [issue_code(SITE, None) for _ in range(number)]
        return [PhoneClient(HttpTransport(self.server.url)).enrol(code) for code in codes]

    def unlock(self, phone: PhoneClient, person: str) -> None:
        """From now on the person signs on this phone; no PIN is asked."""
        key = phone.keys[person] = KeyPair()
        owner = phone.site, phone.device, person, key.public_key
        with self.app_context(), write_transaction():
            register_credential(*owner, datetime.now(UTC), usable=True)

    def plan_tasks(self, number: int, spread: timedelta = timedelta(hours=4)) -> list[str]:
        """Occurrences that were planned just now and are due around now: their ids.

        As on an estate, many share a window: a board has a column for each.
        """
        first = datetime.now(UTC) - timedelta(hours=2)
        later = (spread * n / number // WINDOW_STEP * WINDOW_STEP for n in range(number))
        ops = [self._task_op(first + after) for after in later]
        with self.app_context():
            for start in range(0, number, 500):
                submit_many(SITE, ops[start : start + 500])
        return [op["subject"] for op in ops]

    def move_to_head(self, phone: PhoneClient) -> PhoneClient:
        """The phone with the newest cursor, as if it had read all that is there."""
        with self.app_context():
            known = device_for_token(phone.token)
            assert known is not None
            seen = phone_scope(known).token
            phone.cursor = Cursor(known.epoch, SITE, seen, FEED_VERSION, known.head).encode()
        return phone

    def grow_site(self, records: int) -> None:
        """Copies of one occurrence, in its table and in the feed, until the site has this many."""
        tables = db.metadata.tables
        task, feed, heads = tables["task"], tables["feed"], tables["site_feed"]
        with self.app_context(), write_transaction():
            ask = db.session.connection().execute
            there = ask(select(func.count()).where(feed.c.site_id == SITE)).scalar_one()
            head = ask(select(heads.c.head).where(heads.c.site_id == SITE)).scalar_one()
            one = ask(select(task).where(task.c.site_id == SITE)).mappings().first()
            assert one is not None
            shown = ask(select(feed).where(feed.c.id == one["id"])).mappings().one()
            for start in range(head + 1, head + 1 + records - there, 5000):
                numbers = range(start, min(start + 5000, head + 1 + records - there))
                ids = [str(uuid7()) for _ in numbers]
                insert_rows(task, [{**one, "id": id_} for id_ in ids])
                copies = zip(ids, numbers, strict=True)
                insert_rows(feed, [copy_feed_row(shown, id_, seq) for id_, seq in copies])
            ask(
                update(heads)
                .where(heads.c.site_id == SITE)
                .values(head=head + max(0, records - there))
            )
        if self.database_url:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                connection.execute("ANALYZE")  # as its own servants do after a while

    def _task_op(self, start: datetime) -> dict[str, Any]:
        number = next(self.numbers)
        window = {
            "window_start": format_time(start),
            "window_end": format_time(start + timedelta(hours=4)),
        }
        duty = {
            "schedule_id": demo_id("bench"),
            "code": "CL-05",
            "label": {"zh": f"任务{number}", "en": f"Task {number}"},
            "area_id": demo_id("squirrel", "garden"),
            "responsible_id": ANA,
        }
        return make_op("task.plan", None, {**duty, **window})


def copy_feed_row(row: Mapping[Any, Any], id_: str, seq: int) -> dict[Any, Any]:
    """A row of the feed for another record of the same content."""
    return {**row, "id": id_, "seq": seq, "body": row["body"].replace(row["id"], id_)}


def push_requests(phone: PhoneClient, subjects: Iterable[str], size: int) -> list[bytes]:
    """What a phone says to push these duties as done, in batches."""
    ops = [phone.add_op("task.complete", subject, by=ANA) for subject in subjects]
    batches = [ops[start : start + size] for start in range(0, len(ops), size)]
    return [_push_request(phone, batch) for batch in batches]


def _push_request(phone: PhoneClient, batch: list[dict[str, Any]]) -> bytes:
    message = {"lineage": phone.lineage, "sent_at": phone.now(), "lost": [], "ops": batch}
    return build_post(f"/sync/{SITE}/push", json.dumps(message).encode(), phone.auth_headers())


def pull_request(phone: PhoneClient, *, cursor: str | None = "", gzipped: bool = False) -> bytes:
    """What a phone says to hear what is new since its cursor, or another; None: all of it."""
    asked = json.dumps({"cursor": phone.cursor if cursor == "" else cursor, "limit": 500}).encode()
    heads = {"Accept-Encoding": "gzip"} if gzipped else {}
    return build_post(f"/sync/{SITE}/pull", asked, {**phone.auth_headers(), **heads})
