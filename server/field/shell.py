"""What a phone fetches once and then keeps: the shell, the worker, the versioned build.

Nothing here is about a person or a site; records come by `/sync`.
"""

from __future__ import annotations

import threading
from typing import cast

from flask import Blueprint, Flask, Response, abort, current_app, render_template
from flask import send_from_directory as send
from flask.blueprints import BlueprintSetupState

from server.auth.access import public
from server.field.compiler.bundle import SHELL_TEMPLATE, Bundle, build_bundle

CACHE_FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"

bp = Blueprint("field", __name__)
_bundle_lock = threading.Lock()


def get_bundle(app: Flask) -> Bundle:
    """What this process serves to phones; made once, when it starts to serve or is first asked."""
    with _bundle_lock:
        if "lodge.build" not in app.extensions:
            app.extensions["lodge.build"] = build_bundle(app)
    return cast(Bundle, app.extensions["lodge.build"])


@bp.record_once
def _register_asset_function(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    app.jinja_env.globals["asset"] = lambda path: get_bundle(app).asset_url(path)


@bp.get("/field/")
@bp.get("/field/<path:page>")
@public
def shell(page: str = "") -> Response:
    """The same empty page for every address: the phone itself fills it."""
    made = get_bundle(current_app)
    vendor = [name for name in ("vendor/htmx.min.js",) if name in made.files]
    html = render_template(SHELL_TEMPLATE, version=made.version, vendor=vendor)
    return _answer(html, "text/html", REVALIDATE)


@bp.get("/sw.js")
@public
def worker() -> Response:
    """One line that changes with every version, so that a browser notices."""
    made = get_bundle(current_app)
    answer = _answer(f'import "{made.asset_url("sw.js")}";\n', "text/javascript", REVALIDATE)
    answer.headers["Service-Worker-Allowed"] = "/"
    return answer


@bp.get("/field/build/<version>/<path:name>")
@public
def built(version: str, name: str) -> Response:
    """A file of this version. Another version is gone: mixing two would be worse than none."""
    made = get_bundle(current_app)
    if version != made.version:
        abort(404)
    if name in made.generated:
        return _answer(made.generated[name], "text/javascript", CACHE_FOREVER)
    if name not in made.files:
        abort(404)
    answer = send(current_app.static_folder or "static", name)
    answer.headers["Cache-Control"] = CACHE_FOREVER
    return answer


@bp.get("/manifest.webmanifest")
@public
def manifest() -> Response:
    """What makes the page installable."""
    return _answer(get_bundle(current_app).manifest, "application/manifest+json", REVALIDATE)


def _answer(text: str, mimetype: str, caching: str) -> Response:
    answer = Response(text, mimetype=mimetype)
    answer.headers["Cache-Control"] = caching
    return answer
