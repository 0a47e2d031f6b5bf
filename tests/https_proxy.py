"""A real Caddy with TLS in front of a server, with the configuration of docs/install.md."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.live_server import free_port
from tests.wait_for import wait_for

INSTALL_PAGE = Path(__file__).parent.parent / "docs/install.md"
HOST = "lodge.test"
CADDY = shutil.which("caddy") or str(Path(sys.executable).parent / "caddy")


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class HttpsProxy:
    """Caddy on a free port. Its certificate is of its own authority."""

    def __init__(self, folder: Path, server_port: int) -> None:
        self.folder, self.port, self.http_port = folder, free_port(), free_port()
        self.url = f"https://{HOST}:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        (folder / "Caddyfile").write_text(self._caddyfile(server_port))

    def _caddyfile(self, server_port: int) -> str:
        """The documented one, for another name, other ports and without a public authority."""
        (block,) = re.findall(
            r"```\n(lodge\.example\.org \{.*?)```", INSTALL_PAGE.read_text(), re.DOTALL
        )
        block = block.replace("http://lodge.example.org {", f"http://{HOST}:{self.http_port} {{")
        block = block.replace("lodge.example.org {", f"{self.url} {{\n\ttls internal")
        block = block.replace("127.0.0.1:8000", f"127.0.0.1:{server_port}")
        options = f"admin off\n\tskip_install_trust\n\thttp_port {self.http_port}"
        return f"{{\n\t{options}\n\thttps_port {self.port}\n}}\n{block}"

    def start(self) -> HttpsProxy:
        env = {**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}
        with (self.folder / "caddy.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    CADDY,
                    "run",
                    "--config",
                    str(self.folder / "Caddyfile"),
                    "--adapter",
                    "caddyfile",
                ],
                env=env,
                stdout=log,
                stderr=log,
            )
        wait_for(self.is_healthy)
        return self

    def is_healthy(self) -> bool:
        return self.authority.exists() and self.request("GET", "/healthz").status == 200

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def authority(self) -> Path:
        """The certificate that signs Caddy's own."""
        return self.folder / "caddy/pki/authorities/local/root.crt"

    def connect(
        self, source: str = "127.0.0.1", version: ssl.TLSVersion | None = None
    ) -> ssl.SSLSocket:
        """A TLS connection from an address of this machine, of one version; the certificate
        is checked."""
        context = ssl.create_default_context(cafile=str(self.authority))
        if version is not None:
            context.maximum_version = context.minimum_version = version
            context.set_ciphers("ALL:@SECLEVEL=0")
        plain = socket.create_connection(("127.0.0.1", self.port), 5, (source, 0))
        try:
            return context.wrap_socket(plain, server_hostname=HOST)
        except OSError:
            plain.close()
            raise

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        """A request of a client that has the address `source`."""
        connection = http.client.HTTPConnection(HOST, self.port)
        connection.sock = self.connect(source)
        try:
            connection.request(method, path, body, {**(headers or {}), "Connection": "close"})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
