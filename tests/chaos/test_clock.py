"""The server's own clock jumps back by days: the order of things does not come from it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests import cast
from tests.live import LODGE, Live
from tests.phone import Phone


class Wrong(Live):
    """A server that believes that it is three days ago."""

    def _lodge(self, words, out, err):
        command = ["faketime", "-f", "-3d", LODGE, *words]
        return subprocess.Popen(
            command, env=self.env, cwd=self.folder, stdout=out, stderr=err, start_new_session=True
        )


@pytest.mark.skipif(
    shutil.which("faketime") is None, reason="SKIPPED FOR WANT OF FAKETIME: apt install faketime"
)
def test_a_clock_that_jumps_back_changes_no_order_and_loses_nothing(
    small: Live, at_home: Callable[[Live], Phone]
) -> None:
    phone, other = at_home(small.start()), at_home(small)
    phone.verdict("task.complete", cast.TASK, by=cast.ANA)
    other.refresh()
    head = other.pull().json["head"]
    small.stop()
    wrong = Wrong(small.folder)
    wrong.start()
    try:
        for each in (phone, other):
            each.wire.address = f"127.0.0.1:{wrong.port}"
        assert phone.verdict("task.complete", cast.TASKS[1], by=cast.ANA)["status"] == "applied"
        assert other.record("task", cast.TASKS[1])["done_by_id"] == cast.ANA
        assert other.pull().json["head"] > head
        assert phone.refresh() == other.records
    finally:
        wrong.kill()
    small.run("verify")
