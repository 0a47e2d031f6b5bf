"""Hostile uploads, many of them: memory stays what it was, and others are answered meanwhile."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.auth.sessions import start_session
from server.db.engine import db
from server.desk.spreadsheets import write_workbook
from server.desk.spreadsheets.reader import MAX_UNPACKED_BYTES
from tests import seed_data, soak
from tests.chaos.test_request_bodies import resident_memory_mb
from tests.conftest import create_test_app
from tests.live_server import LiveServer
from tests.phone_client import HttpTransport, PhoneClient
from tests.server.desk.test_hostile_spreadsheets import SHEET, of_many_cells, with_part
from tests.server.photos.test_hostile_photos import png_of, with_size
from tests.server.photos.test_uploads import sha256_of

MAX_MEMORY_MB = 60
MAX_P99_SECONDS = 0.3
MAX_MIDDLE_SECONDS = {"health": 0.3, "push": 1.5, "page": 1.5}
"""Half of all answers come faster, beside other tests that need the same processors."""
PHONES = 3
BOUNDARY = "aa0b1c2d"


def hostile_photos(number: int) -> list[bytes]:
    """As many pixels as allowed, more than that, and cut off; each of them is another one."""
    bomb = png_of(4000, 4000 - number)
    return [bomb, with_size(bomb, 50_000, 40_000), bomb[: len(bomb) // 2]]


def hostile_sheets(number: int) -> list[bytes]:
    """A bomb, one with too many cells, one cut off; each of them is another one."""
    bomb = with_part(SHEET, bytes(MAX_UNPACKED_BYTES + 1 + number))
    return [bomb, of_many_cells(), write_workbook([["x"] * 9] * (number + 9))[:-200]]


class Desk:
    """A browser with the session of a supervisor, over TCP."""

    def __init__(self, live: LiveServer) -> None:
        app = create_test_app(f"sqlite:///{live.folder}/var/lodge.sqlite3", live.folder / "var")
        with app.test_request_context():
            self.token = start_session(seed_data.BEN, seed_data.HOME_SITE)
            db.session.remove()
            db.engine.dispose()
        self.live = live

    def open_board(self) -> int:
        """The status with which the first page of the desk is answered, once it has come whole."""
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=120)
        connection.request("GET", "/desk/", headers={"Cookie": f"lodge={self.token}"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def preview(self, sheet: bytes) -> int:
        """The status with which a ledger is answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.live.port, timeout=120)
        head = 'Content-Disposition: form-data; name="file"; filename="a.xlsx"'
        parts = (
            f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode(),
            sheet,
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
        headers = {"Cookie": f"lodge={self.token}", "Origin": self.live.url}
        headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        connection.request("POST", "/desk/arrears/preview", b"".join(parts), headers)
        status = connection.getresponse().status
        connection.close()
        return status


def child_memory_mb(live: LiveServer) -> float:
    """What the processes need that the server started."""
    assert live.process is not None
    pid = live.process.pid
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = {child for file in children for child in file.read_text().split()}
    lines = (Path(f"/proc/{child}/status").read_text().splitlines() for child in pids)
    return sum(
        int(line.split()[1]) / 1024 for each in lines for line in each if line.startswith("VmRSS")
    )


@pytest.mark.asvs("5.2.1", "15.1.3", "15.2.2")
def test_memory_is_flat_and_others_are_answered_while_hostile_files_arrive(
    small_server: LiveServer,
    enrol_client: Callable[[LiveServer], PhoneClient],
    record_property: Callable[[str, object], None],
) -> None:
    desk = Desk(small_server)
    small_server.start()
    phones = [enrol_client(small_server) for _ in range(PHONES + 1)]
    phone_of_ana = phones[-1]
    for phone in phones:
        phone.transport = HttpTransport(small_server.url, timeout=60)
    others: dict[str, Callable[[], bool]] = {
        "health": small_server.is_healthy,
        "push": lambda: bool(
            phone_of_ana.send_op("task.complete", seed_data.TASK, by=seed_data.ANA)
        ),
        "page": lambda: desk.open_board() == 200,
    }
    rounds = soak.repeats("hostile_uploads") // 6

    def send(number: int) -> set[int]:
        phone = phones[number % PHONES]
        photos, sheets = hostile_photos(number), hostile_sheets(number)
        statuses = {phone.request_photo("PUT", sha256_of(each), each).status for each in photos}
        return statuses | {desk.preview(sheet) for sheet in sheets}

    with ThreadPoolExecutor(PHONES) as together:
        statuses = set().union(*together.map(send, range(PHONES)))
        before = resident_memory_mb(small_server)
        sending = [together.submit(send, number) for number in range(PHONES, rounds)]
        waits: dict[str, list[float]] = {name: [] for name in others}
        while not all(each.done() for each in sending):
            for name, is_answered in others.items():
                started = time.monotonic()
                assert is_answered(), name
                waits[name].append(time.monotonic() - started)
    statuses |= set().union(*(each.result() for each in sending))
    assert statuses <= {200, 413, 415, 422, 503}, statuses
    assert 422 in statuses, "ledgers are answered with why not"
    assert resident_memory_mb(small_server) - before < MAX_MEMORY_MB
    assert child_memory_mb(small_server) < 256
    record_property("uploads", rounds * 6)
    record_property("memory_mb", resident_memory_mb(small_server) - before)
    record_property("child_memory_mb", child_memory_mb(small_server))
    for name, seconds in waits.items():
        seconds.sort()
        last = seconds[len(seconds) * 99 // 100]
        record_property(f"{name}_p99_seconds", last)
        assert seconds[len(seconds) // 2] < MAX_MIDDLE_SECONDS[name], (name, seconds)
        if soak.SOAK and name == "health":  # beside other tests a single answer may take long
            assert last < MAX_P99_SECONDS
