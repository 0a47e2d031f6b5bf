"""Pages of the desk, one module a feature.

A module declares its blueprint `bp` and, if it stands in the navigation, `NAVIGATION`, or else the
`PLACE` of the navigation to which it belongs. `ACTIONS` are what somebody can begin there: the
palette offers them. All are found here, so a new page needs no line anywhere else.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from flask import Flask

from server.desk import (
    actions,
    certainty,
    kept_forms,
    labels,
    navigation,
    phone_status,
    posted_forms,
    story,
)
from server.desk.lists import columns, neighbours, scheduled


def init_app(app: Flask) -> None:
    """Register every page and its entries in the navigation."""
    modules = [import_module(each.name) for each in pkgutil.iter_modules(__path__, f"{__name__}.")]
    for module in modules:
        app.register_blueprint(module.bp)
    entries = [entry for module in modules for entry in getattr(module, "NAVIGATION", ())]
    places = {module.bp.name: module.PLACE for module in modules if hasattr(module, "PLACE")}
    navigation.init_app(app, entries, places)
    actions.init_app(app, [each for module in modules for each in getattr(module, "ACTIONS", ())])
    labels.init_app(app)
    columns.init_app(app)
    scheduled.init_app(app)
    neighbours.init_app(app)
    certainty.init_app(app)
    story.init_app(app)
    phone_status.init_app(app)
    posted_forms.init_app(app)
    kept_forms.init_app(app)
