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
from tests import cast
from tests.conftest import furnish, made
from tests.phone import FlaskWire, Phone


def record(name: str, steps: Iterable[tuple[str, dict[str, Any]]], folder: Path) -> None:
    """Play a scenario on a fresh server, and say what was sent and told."""
    folder.mkdir()
    url = f"sqlite:///{folder / 'lodge.sqlite3'}"
    furnish(url, folder)
    app = made(url, folder)
    with app.app_context():
        phone = Phone(FlaskWire(app.test_client())).enrol(issue_code(cast.HOME, by=cast.BEN))
    say({"scenario": name})
    for where, group in groupby(steps, key=lambda step: step[0]):
        ops = [op for _, op in group]
        if where == "desk":
            raws = [make_op(op["kind"], op["subject"], op["payload"], **_author(op)) for op in ops]
            with app.app_context():
                submit_many(cast.HOME, raws)
            say({"desk": raws})
            continue
        for op in ops:
            v = {"v": KINDS[op["kind"]].payload_version}
            time.sleep(0.002)  # people do one thing after the other: no two in a millisecond
            phone.op(op["kind"], op["subject"], op["payload"], **_author(op), **v)
        push = {"lineage": phone.lineage, "sent_at": phone.now(), "lost": [], "ops": phone.outbox}
        told = phone.push(**push).told()["verdicts"]
        say({"push": push, "told": [verdict["status"] for verdict in told]})
        phone.outbox = []
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def _author(op: dict[str, Any]) -> dict[str, Any]:
    return {name: op[name] for name in ("by", "base", "id") if op.get(name) is not None}


def say(step: dict[str, Any]) -> None:
    print(json.dumps(step, ensure_ascii=False, separators=(",", ":")))


def main() -> None:
    lines = [json.loads(line) for line in sys.stdin]
    starts = [place for place, line in enumerate(lines) if "scenario" in line]
    with tempfile.TemporaryDirectory() as root:
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], None], strict=True)):
            steps = [pair for line in lines[start + 1 : end] for pair in line.items()]
            record(lines[start]["scenario"], steps, Path(root) / str(number))


if __name__ == "__main__":
    main()
