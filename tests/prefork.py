"""Lodge processes without the wait: one process has read the programme and forks each `lodge`.

What is forked is a process of its own like any other, with its own files, signals and end; only
the second that Python takes to read the programme is spared. `lodge` itself, as it is typed, is
tested in test_cli.py. The words `-m module …` run that module's main() instead.
"""

from __future__ import annotations

import array
import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from importlib import import_module
from pathlib import Path

PREFORK_SOCKET = "TESTS_PREFORK_SOCKET"
"""The variable that names the socket of a server which runs already."""
MAX_MESSAGE_BYTES = 65536
STARTING_SECONDS = 300
"""The first process waits until everything has been read and compiled."""
PR_SET_PTRACER = 0x59616D61
"""PR_SET_PTRACER: strace may look on where only parents may."""


class ForkedProcess:
    """A `lodge` that was forked; speaks as subprocess.Popen does."""

    def __init__(self, line: socket.socket) -> None:
        self.connection, self.returncode = line, None
        self.pid = int(self._receive(STARTING_SECONDS))

    def _receive(self, timeout: float) -> bytes:
        self.connection.settimeout(timeout)
        return self.connection.recv(20)

    def poll(self) -> int | None:
        try:
            return self.wait(0.0)
        except (BlockingIOError, TimeoutError):
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self.returncode = int(self._receive(timeout) or -signal.SIGKILL)
            self.connection.close()
        return self.returncode


class PreforkServer:
    """Started at the first wish; ends with the tests. Workers use the one of their parent."""

    def __init__(self) -> None:
        self.socket_path = os.environ.get(PREFORK_SOCKET) or self._start()

    def _start(self) -> str:
        place = Path(tempfile.mkdtemp(prefix="lodge-hatch-")) / "door"
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(place))
            door.listen()
            command = [sys.executable, "-m", "tests.prefork", str(door.fileno())]
            env = {k: v for k, v in os.environ.items() if not k.startswith("LODGE_")}
            self.process = subprocess.Popen(
                command,
                cwd=Path(__file__).parent.parent,
                env=env,
                pass_fds=[door.fileno()],
                stdin=subprocess.PIPE,  # shut when we end, however we end
            )
        return str(place)

    def spawn(
        self, args: list[str], env: dict[str, str], cwd: Path, out: int, err: int
    ) -> ForkedProcess:
        """`lodge` with these words; what it says goes to these two files."""
        line = socket.socket(socket.AF_UNIX)
        line.connect(self.socket_path)
        wish = json.dumps({"words": args, "env": env, "cwd": str(cwd)}).encode()
        socket.send_fds(line, [wish], [out, err])
        return ForkedProcess(line)


_starting = threading.Lock()


def prefork_server() -> PreforkServer:
    """The one of this process, also for threads that ask at once."""
    with _starting:
        return _started_server()


@cache
def _started_server() -> PreforkServer:
    return PreforkServer()


class PreforkLoop:
    """Inside: waits for wishes, forks, and says how each one ended."""

    def __init__(self, door: socket.socket) -> None:
        self.listener, self.connections = door, {}
        self.wakeup_fd, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> list[str] | None:
        """In the parent to the end of its days; in a child the words that it shall run."""
        with selectors.DefaultSelector() as watch:
            for source in (self.listener, self.wakeup_fd, sys.stdin):
                watch.register(source, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in watch.select()]
                if sys.stdin in ready:
                    return None
                if self.wakeup_fd in ready:
                    os.read(self.wakeup_fd, MAX_MESSAGE_BYTES)
                    self._reap_children()
                if self.listener in ready and (words := self._accept_and_fork()) is not None:
                    return words

    def _accept_and_fork(self) -> list[str] | None:
        line, _ = self.listener.accept()
        wish, ancillary = line.recvmsg(MAX_MESSAGE_BYTES, socket.CMSG_SPACE(8))[:2]
        if not ancillary:  # whoever asked has ended
            line.close()
            return None
        fds = array.array("i", ancillary[0][2])
        pid = os.fork()
        if not pid:
            return self._become_child(json.loads(wish), *fds)
        self.connections[pid] = line
        line.send(str(pid).encode())
        for fd in fds:
            os.close(fd)
        return None

    def _become_child(self, wish: dict, out: int, err: int) -> list[str]:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, -1, 0, 0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(
            3, max(out, err, self.listener.fileno(), *map(_fileno, self.connections.values())) + 1
        )
        os.environ.clear()
        os.environ.update(wish["env"])
        os.chdir(wish["cwd"])
        return list(wish["words"])

    def _reap_children(self) -> None:
        while self.connections:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with self.connections.pop(pid) as line:
                try:
                    line.send(str(os.waitstatus_to_exitcode(status)).encode())
                except BrokenPipeError:
                    pass  # nobody asked


def _fileno(line: socket.socket) -> int:
    return line.fileno()


def _preload() -> None:
    """Everything that a start reads from the disk, so that no fork reads it again."""
    from server import create_app
    from server.field.shell import get_bundle
    from tests.template_memory import remember_compiled_templates

    remember_compiled_templates()
    with tempfile.TemporaryDirectory() as folder:
        app = create_app({"DATA_DIR": folder})
        get_bundle(app)
        for name in app.jinja_env.list_templates(extensions=["html"]):
            app.jinja_env.get_template(name)
    gc.collect()
    gc.freeze()  # else each fork copies what its collector touches


if __name__ == "__main__":
    listener = socket.socket(fileno=int(sys.argv[1]))
    from server.cli import main

    _preload()
    child_args = PreforkLoop(listener).run()
    if child_args and child_args[0] == "-m":
        import_module(child_args[1]).main(child_args[2:])
    elif child_args is not None:
        main(child_args, prog_name="lodge")
