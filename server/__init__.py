"""The web application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Request
from flask.sessions import SessionInterface
from flask_compress import Compress
from htmx_flask import Htmx

from server import config, errors, health, logs
from server.auth import access, security_headers
from server.auth.hosts import KnownHosts
from server.db import engine
from server.desk import pages
from server.field import shell
from server.i18n import locale
from server.sync_api import routes, unlock
from server.sync_api.pull_cache import PullCache


class NoFlaskSession(SessionInterface):
    """Disables Flask's cookie sessions: sessions of the desk are rows in the database."""

    def open_session(self, app: Flask, request: Request) -> None:
        return None


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Create the application; `settings` override those from the environment."""
    app = Flask(
        __name__,
        static_folder=str(config.data_folder("static")),
        template_folder=str(config.data_folder("templates")),
    )
    app.config.from_mapping(config.settings())
    app.config.from_mapping(settings or {})
    config.fill_in_defaults(app.config)
    app.session_interface = NoFlaskSession()

    engine.init_app(app)
    Htmx(app)
    Compress(app)
    logs.init_app(app)
    errors.init_app(app)
    security_headers.init_app(app)
    locale.init_app(app)
    access.init_app(app)

    app.register_blueprint(health.bp)
    app.register_blueprint(routes.bp)
    app.register_blueprint(unlock.bp)
    app.register_blueprint(shell.bp)
    pages.init_app(app)
    app.wsgi_app = KnownHosts(app)  # type: ignore[method-assign]
    app.wsgi_app = PullCache(app)  # type: ignore[method-assign]
    return app
