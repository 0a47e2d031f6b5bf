"""The web application."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Request
from flask.sessions import SessionInterface
from flask_compress import Compress
from htmx_flask import Htmx

from server import (
    access,
    config,
    db,
    exchange,
    field,
    headers,
    health,
    language,
    logs,
    pages,
    problems,
)
from server.kept import Kept


class NoSession(SessionInterface):
    """Sessions live in the database and die there; no cookie of Flask's carries any."""

    def open_session(self, app: Flask, request: Request) -> None:
        return None


ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Lodge, with settings from the environment unless they are given here."""
    app = Flask(
        __name__,
        static_folder=str(ROOT / "static"),
        template_folder=str(ROOT / "templates"),
    )
    app.config.from_mapping(config.settings())
    app.config.from_mapping(settings or {})
    config.complete(app.config)
    app.session_interface = NoSession()

    db.init_app(app)
    Htmx(app)
    Compress(app)
    logs.init_app(app)
    problems.init_app(app)
    headers.init_app(app)
    language.init_app(app)
    access.init_app(app)

    app.register_blueprint(health.bp)
    app.register_blueprint(exchange.bp)
    app.register_blueprint(field.bp)
    for blueprint in pages.BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.wsgi_app = Kept(app)  # type: ignore[method-assign]
    return app
