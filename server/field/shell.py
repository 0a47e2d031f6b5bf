"""Routes of what a phone caches: app shell, service worker, versioned bundle, manifest.

None of it depends on a person or a site: it needs no sign-in. Records come through `/sync`.
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
    """The bundle of this process. Built on the first call, which raises BuildError if it fails."""
    with _bundle_lock:
        if "lodge.bundle" not in app.extensions:
            app.extensions["lodge.bundle"] = build_bundle(app)
    return cast(Bundle, app.extensions["lodge.bundle"])


@bp.record_once
def _register_asset_function(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    app.jinja_env.globals["asset"] = lambda path: get_bundle(app).asset_url(path)


@bp.get("/field/")
@bp.get("/field/<path:page>")
@public
def shell(page: str = "") -> Response:
    """The same empty page for every address: the scripts of the phone fill it."""
    bundle = get_bundle(current_app)
    vendor = [name for name in ("vendor/htmx.min.js",) if name in bundle.files]
    html = render_template(SHELL_TEMPLATE, version=bundle.version, vendor=vendor)
    return _response(html, "text/html", REVALIDATE)


@bp.get("/sw.js")
@public
def worker() -> Response:
    """The service worker: one import whose address has the version, so browsers see an update."""
    bundle = get_bundle(current_app)
    response = _response(f'import "{bundle.asset_url("sw.js")}";\n', "text/javascript", REVALIDATE)
    response.headers["Service-Worker-Allowed"] = "/"
    return response


@bp.get("/field/build/<version>/<path:name>")
@public
def bundle_file(version: str, name: str) -> Response:
    """A file of the current bundle. 404 for another version: files of two must not be mixed."""
    bundle = get_bundle(current_app)
    if version != bundle.version:
        abort(404)
    if name in bundle.generated:
        return _response(bundle.generated[name], "text/javascript", CACHE_FOREVER)
    if name not in bundle.files:
        abort(404)
    response = send(current_app.static_folder or "static", name)
    response.headers["Cache-Control"] = CACHE_FOREVER
    return response


@bp.get("/manifest.webmanifest")
@public
def manifest() -> Response:
    """The web app manifest, with which browsers install the app."""
    return _response(get_bundle(current_app).manifest, "application/manifest+json", REVALIDATE)


def _response(text: str, mimetype: str, cache_control: str) -> Response:
    response = Response(text, mimetype=mimetype)
    response.headers["Cache-Control"] = cache_control
    return response
