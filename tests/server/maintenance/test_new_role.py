"""A role is added in one place; an upgrade then shows it what everyone sees, and nothing else.

The rules are copied and the role is written into the copy; a Python of its own upgrades with it a
database that seven roles made.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

import sync
from sync.protocol.roles import ALL_ROLES, DESK_ONLY_AUDIENCE, ROLES, role_mask
from tests import revisions
from tests.phone_client import FlaskTransport

ROOT = Path(sync.__file__).parents[1]
GARDENER = 1 << len(ROLES)
"""The bit of the new role: the one that meant desk-only when there were seven."""

END = "}\nROLES ="
GARDEN = str(uuid4())
PROGRAM = """
import json, sys
from pathlib import Path


from server.auth.devices import issue_code
from server.maintenance.seed import shared_content_ops
from server.maintenance.upgrade import SchemaError, require_current_schema, upgrade
from server.oplog.receive import create_site, make_op, submit_many
from server.oplog.replay import all_site_ids, find_faults
from tests.conftest import create_test_app
from tests.phone_client import FlaskTransport, PhoneClient

url, folder, site = sys.argv[1:]
app = create_test_app(url, Path(folder))
with app.app_context():
    try:
        require_current_schema()
        refused = ""
    except SchemaError as error:
        refused = str(error)
    upgrade()
    require_current_schema()
    create_site(site)
    ops = [
        make_op("site.add", site, {"label": {"zh": "花园", "en": "Garden"}}),
        make_op("person.add", None, {"name": "Gao", "roles": ["gardener"]}),
        *shared_content_ops(site),
    ]
    answers = {answer["status"] for answer in submit_many(site, ops)}
    faults = [fault for each in all_site_ids() for fault in find_faults(each)]
    code = issue_code(site, by=None)
phone = PhoneClient(FlaskTransport(app.test_client())).enrol(code)
types = sorted({type_ for type_, _ in phone.pull_all()})
print(json.dumps({"refused": refused, "answers": list(answers), "faults": faults, "types": types}))
"""


@pytest.fixture
def with_eight_roles(tmp_path):
    """Run the program with rules that know the role of a gardener; what it printed."""
    folder = tmp_path / "eight-roles"
    shutil.copytree(ROOT / "sync", folder / "sync")
    copy = folder / Path(inspect.getsourcefile(role_mask) or "").relative_to(ROOT)
    rules = copy.read_text("utf-8")
    assert rules.count(END) == 1
    copy.write_text(rules.replace(END, f'    "gardener": _l("Gardener"),\n{END}'), "utf-8")

    def run(url: str) -> dict[str, object]:
        path = f"{folder}{os.pathsep}{ROOT}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, url, str(folder / "var"), GARDEN],
            env={**os.environ, "PYTHONPATH": path},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def audiences(url: str) -> dict[str, tuple[int, int, int]]:
    """Number, audience and earlier readers of every record that is not gone, by id."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT id, seq, audience, seen_by FROM feed WHERE audience <> 0")
        ).all()
    engine.dispose()
    return {id_: tuple(rest) for id_, *rest in rows}  # type: ignore[misc]


def test_a_new_role_sees_what_everyone_sees_and_no_stored_row_changes_its_meaning(
    upgraded, old_url, with_eight_roles
):
    phone = revisions.phone("0007", "squirrel", FlaskTransport(upgraded.test_client()))
    phone.pull_all()
    digest, before = phone.digest, audiences(old_url)
    told = with_eight_roles(old_url)
    assert "lodge init" in told["refused"] and told["answers"] == ["applied"]
    assert told["faults"] == []

    after, everyone = audiences(old_url), role_mask(ALL_ROLES)
    for id_, (seq, audience, seen_by) in before.items():
        new = GARDENER if audience == everyone else 0
        assert after[id_] == (seq, audience | new, seen_by | new)
    stored = {audience for _, audience, _ in after.values()}
    assert {everyone | GARDENER, DESK_ONLY_AUDIENCE} <= stored
    assert not any(audience & GARDENER and audience & DESK_ONLY_AUDIENCE for audience in stored)

    assert {"site", "person", "card"} <= set(told["types"])
    assert not {"category", "template", "schedule", "merge", "aside"} & set(told["types"])

    page = phone.pull().expect_ok()
    assert (page["changes"], page.get("reset"), page["digest"]) == ([], None, digest)
