"""The server's own clock jumps back by days: the order of things does not come from it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests import cast
from tests.live import LODGE, Live
from tests.phone import Phone


class Wrong(Live):
    """A server that believes in another day."""

    off = "-3d"

    def _lodge(self, words, out, err):
        command = ["faketime", "-f", self.off, LODGE, *words]
        return subprocess.Popen(
            command, env=self.env, cwd=self.folder, stdout=out, stderr=err, start_new_session=True
        )


@pytest.mark.skipif(shutil.which("faketime") is None, reason="SKIPPED: apt install faketime")
@pytest.mark.skipif("LODGE_KILLS" not in os.environ, reason="runs in make soak")
@pytest.mark.parametrize("off", ["-3d", "+3d"])
def test_a_clock_that_jumps_changes_no_order_and_loses_nothing(
    small: Live, at_home: Callable[[Live], Phone], off: str
) -> None:
    phone, other = at_home(small.start()), at_home(small)
    phone.verdict("task.complete", cast.TASK, by=cast.ANA)
    other.refresh()
    head = other.pull().json["head"]
    small.stop()
    wrong = Wrong(small.folder)
    wrong.off = off
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
