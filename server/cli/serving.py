"""Commands that serve Lodge."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click
import waitress
from flask import Flask

from server import create_app
from server.cli.database import SIZE_OPTION, init
from server.cli.texts import N_
from server.config import make_private
from server.db.engine import require_durable_commits
from server.field.shell import get_bundle
from server.jobs import runner
from server.maintenance.demo import demo_size
from server.maintenance.upgrade import require_current_schema
from sync.review.outbox_imports import MAX_FILE_BYTES

THREADS = 8
MAX_CONNECTIONS = 4000
"""Phones keep a connection open between polls; waitress's default of 100 is too low for a site."""
MAX_REQUEST_BYTES = MAX_FILE_BYTES + 1024 * 1024
"""The largest request body is a file that a phone exported; of a larger one nothing is read."""
FORWARDED_HEADERS = {"x-forwarded-for", "x-forwarded-proto"}
"""Headers that are believed if a trusted proxy sends them. The host is the `Host` of the request,
which a proxy has to pass on: no proxy removes an `X-Forwarded-Host` that a client invented."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies in front of the server: how many, and the address that the last one has."""

    count: int = 0
    address: str = LOOPBACK

    def waitress_settings(self) -> dict[str, Any]:
        """Make waitress take address and scheme of a client from the trusted proxies, and remove
        such headers of anybody else."""
        trusted = {
            "trusted_proxy": self.address,
            "trusted_proxy_count": self.count,
            "trusted_proxy_headers": FORWARDED_HEADERS,
        }
        return {"clear_untrusted_proxy_headers": True, **(trusted if self.count else {})}


@click.command(help=N_("Serve Lodge. Before phones use it, put a proxy with HTTPS in front of it."))
@click.option("--host", default=LOOPBACK, show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--threads", default=THREADS, show_default=True)
@click.option(
    "--proxies",
    type=click.IntRange(0, 9),
    default=0,
    show_default=True,
    help=N_("Number of proxies in front of it, whose X-Forwarded headers are trusted."),
)
@click.option(
    "--proxy-address",
    default=LOOPBACK,
    show_default=True,
    help=N_("Address from which the nearest proxy connects; * if only proxies can connect."),
)
def serve(host: str, port: int, threads: int, proxies: int, proxy_address: str) -> None:
    app = create_app()
    with app.app_context():
        make_private(Path(app.config["DATA_DIR"]))
        require_current_schema()
        require_durable_commits()
        app.config["DEMO"] = demo_size()
    _serve(app, host, port, threads, Proxies(proxies, proxy_address))


@click.command(help=N_("Create the database with demo data if need be, and serve it."))
@click.option("--host", default=LOOPBACK, show_default=True)
@click.option("--port", default=8000, show_default=True)
@SIZE_OPTION
@click.pass_context
def demo(context: click.Context, host: str, port: int, size: str | None) -> None:
    context.invoke(init, with_demo=True, size=size)
    context.invoke(serve, host=host, port=port)


def _serve(app: Flask, host: str, port: int, threads: int, proxies: Proxies) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = waitress.create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            ident="Lodge",
            connection_limit=MAX_CONNECTIONS,
            backlog=MAX_CONNECTIONS,
            max_request_body_size=MAX_REQUEST_BYTES,
            asyncore_use_poll=True,
            **proxies.waitress_settings(),
        )
    except OSError as error:
        message = _("Cannot listen on %(host)s:%(port)s: %(error)s. Use another --port or --host.")
        values = {"host": host, "port": port, "error": error.strerror}
        raise click.ClickException(message % values) from None
    get_bundle(app)  # an invalid phone template stops the start, not the first phone
    stop = runner.start_thread(app)
    shown_host = "localhost" if host in (LOOPBACK, "0.0.0.0") else host
    url = f"http://{shown_host}:{port}"
    click.echo(_("Lodge is at %(url)s (Ctrl+C stops it)") % {"url": url})
    try:
        server.run()
    finally:
        stop.set()
