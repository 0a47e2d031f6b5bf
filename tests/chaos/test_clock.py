"""The server's own clock jumps back by days: the order of things does not come from it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests import seed_data
from tests.live_server import LODGE_COMMAND, LiveServer
from tests.phone_client import PhoneClient


class ServerWithWrongClock(LiveServer):
    """A server that believes that it is three days ago."""

    def _spawn(self, words, out, err):
        command = ["faketime", "-f", "-3d", LODGE_COMMAND, *words]
        return subprocess.Popen(
            command, env=self.env, cwd=self.folder, stdout=out, stderr=err, start_new_session=True
        )


@pytest.mark.skipif(
    shutil.which("faketime") is None, reason="SKIPPED FOR WANT OF FAKETIME: apt install faketime"
)
def test_a_clock_that_jumps_back_changes_no_order_and_loses_nothing(
    small_server: LiveServer, enrol_client: Callable[[LiveServer], PhoneClient]
) -> None:
    phone, other = enrol_client(small_server.start()), enrol_client(small_server)
    phone.send_op("task.complete", seed_data.TASK, by=seed_data.ANA)
    other.pull_all()
    head = other.pull().json["head"]
    small_server.stop()
    wrong = ServerWithWrongClock(small_server.folder)
    wrong.start()
    try:
        for each in (phone, other):
            each.transport.address = f"127.0.0.1:{wrong.port}"
        assert (
            phone.send_op("task.complete", seed_data.TASKS[1], by=seed_data.ANA)["status"]
            == "applied"
        )
        assert other.get_record("task", seed_data.TASKS[1])["done_by_id"] == seed_data.ANA
        assert other.pull().json["head"] > head
        assert phone.pull_all() == other.records
    finally:
        wrong.kill()
    small_server.run("verify")
