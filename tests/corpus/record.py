"""Record what this version sends: python -m tests.corpus.record < steps.jsonl >> VERSION.jsonl

Steps are lines of JSON: `{"scenario": …}`, then `{"desk": op}` and `{"phone": op}` in turn; an op
says kind, subject, payload, by, and base where it has one. A recording that was released is only
added to: phones that made the ops in it are still out there.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from server.auth.devices import issue_code
from server.db.engine import db
from server.oplog.receive import make_op, submit_many
from sync import KINDS
from tests import seed_data
from tests.conftest import create_seeded_database, create_test_app
from tests.phone_client import FlaskTransport, PhoneClient


def record_scenario(name: str, steps: Iterable[tuple[str, dict[str, Any]]], folder: Path) -> None:
    """Play a scenario on a fresh server, and say what was sent and told."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'lodge.sqlite3'}"
    create_seeded_database(url, folder)
    app = create_test_app(url, folder)
    with app.app_context():
        phone = PhoneClient(FlaskTransport(app.test_client())).enrol(
            issue_code(seed_data.HOME_SITE, by=seed_data.BEN)
        )
    print_step({"scenario": name})
    for where, group in groupby(steps, key=lambda step: step[0]):
        ops = [op for _, op in group]
        if where == "desk":
            raws = [
                make_op(op["kind"], op["subject"], op["payload"], **_op_options(op)) for op in ops
            ]
            with app.app_context():
                submit_many(seed_data.HOME_SITE, raws)
            print_step({"desk": raws})
            continue
        for op in ops:
            v = {"v": KINDS[op["kind"]].payload_version}
            time.sleep(0.002)  # people do one thing after the other: no two in a millisecond
            phone.add_op(op["kind"], op["subject"], op["payload"], **_op_options(op), **v)
        push = {"lineage": phone.lineage, "sent_at": phone.now(), "lost": [], "ops": phone.outbox}
        told = phone.push(**push).expect_ok()["verdicts"]
        print_step({"push": push, "told": [verdict["status"] for verdict in told]})
        phone.outbox = []
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def _op_options(op: dict[str, Any]) -> dict[str, Any]:
    return {name: op[name] for name in ("by", "base", "id") if op.get(name) is not None}


def print_step(step: dict[str, Any]) -> None:
    print(json.dumps(step, ensure_ascii=False, separators=(",", ":")))


def main() -> None:
    lines = [json.loads(line) for line in sys.stdin]
    starts = [place for place, line in enumerate(lines) if "scenario" in line]
    with tempfile.TemporaryDirectory() as root:
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
            steps = [pair for line in lines[start + 1 : end] for pair in line.items()]
            record_scenario(lines[start]["scenario"], steps, Path(root) / str(number))


if __name__ == "__main__":
    main()
