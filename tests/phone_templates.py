"""Renders phone templates with Jinja, in English and without an application. The compiled templates
render the same (`tests/browser/test_compiled_templates.py`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from server.i18n import filters
from sync.protocol.roles import ROLE_CONSTANTS


def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
    )
    env.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    env.globals.update({"asset": str, **ROLE_CONSTANTS})
    filters.register_filters(env, lambda: "en")
    return env


_ENVIRONMENT = _environment()


def render_page(page: str, context: dict[str, Any]) -> str:
    """The HTML of a page of `templates/field/`."""
    return _ENVIRONMENT.get_template(f"field/{page}.html").render(context)


def render_macro(file: str, name: str, *args: Any) -> str:
    """What a macro of a file in `templates/` returns."""
    return str(getattr(_ENVIRONMENT.get_template(file).module, name)(*args))
