"""The log of the server: one JSON line for each answer and each crash, without anybody's data."""

from __future__ import annotations

import json
import re

import pytest
import structlog

from server.auth.access import public
from tests.seed_data import ANA, HOME_SITE, TASK

CANARIES = ("Zanzibar", "沪A77777", "13900000077", "canary-token", "evil\r\nINJECTED")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@pytest.fixture
def app(sqlite_app, monkeypatch):
    monkeypatch.setitem(sqlite_app.config, "PROPAGATE_EXCEPTIONS", False)
    return sqlite_app


@pytest.fixture
def logged(app, tmp_path):
    """The lines that the application writes from now on."""
    file = tmp_path / "log"
    before = structlog.get_config()
    with file.open("w") as out:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=out))
        yield lambda: file.read_text("utf-8").splitlines()
    structlog.configure(**before)


@pytest.mark.asvs("16.1.1", "16.2.2", "16.2.4", "16.2.5", "16.4.1", "14.2.1")
def test_each_line_is_json_in_utc_and_names_nobody(logged, ben, phone, client):
    visitor, plate, number, token, breaking = CANARIES
    ben.post("/desk/visits/filter", {"words": f"{visitor} {plate}"})
    ben.get("/desk/visits/", query_string={"name": visitor, "plate": plate, "q": breaking})
    ben.post("/desk/tickets/", {"details": visitor, "contact": number})
    client.post("/sign-in", data={"username": visitor, "password": token})
    client.get(f"/{visitor}", headers={"User-Agent": breaking.replace("\r\n", " ")})
    payload = {"visitor": visitor, "purpose": "family", "plate": plate}
    phone.send_op("visit.arrive", None, payload, by=ANA)
    client.post(f"/sync/{HOME_SITE}/push", headers={"Authorization": f"Bearer {token}"})
    lines = logged()
    assert len(lines) >= 6
    assert all(set(json.loads(line)) >= {"event", "level", "timestamp"} for line in lines)
    assert all(TIME.fullmatch(json.loads(line)["timestamp"]) for line in lines)
    written = "\n".join(lines)
    assert not [word for word in (*CANARIES, "INJECTED", phone.token) if word in written]


@pytest.mark.asvs("16.3.4", "16.2.5")
def test_a_crash_is_one_line_without_its_message(app, logged, client, monkeypatch):
    @public
    def fail():
        raise RuntimeError(CANARIES[0])

    monkeypatch.setitem(app.view_functions, "health.healthz", fail)
    assert client.get("/healthz").status_code == 500
    crashes = [json.loads(line) for line in logged() if json.loads(line)["event"] == "crashed"]
    assert [each["error"] for each in crashes] == ["RuntimeError"]
    assert crashes[0]["where"] and CANARIES[0] not in json.dumps(crashes)


@pytest.mark.asvs("16.2.3")
def test_the_data_folder_gets_no_log(app, ben, phone, tmp_path):
    ben.get("/desk/")
    phone.send_op("task.complete", TASK, by=ANA)
    names = {file.name for file in (tmp_path / "var").rglob("*") if file.is_file()}
    assert not [name for name in names if "log" in name]
