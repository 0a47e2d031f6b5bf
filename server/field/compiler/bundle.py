"""The bundle: scripts, styles, compiled templates and translations of the phone, with a version.

`static/` and the generated modules form one tree at `/field/build/<version>/`. Modules import each
other by relative addresses, so that pages and worker never mix two versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask

from server.auth.security_headers import CSP
from server.field.compiler import catalogue, kinds_manifest, label_manifest
from server.field.compiler.module import compile_templates
from server.i18n.languages import Language, catalogue_files, catalogue_folders, languages
from server.models import NAME_FIELDS
from sync import KINDS
from sync.protocol.clock import SITE_ZONE
from sync.protocol.roles import ROLE_PAGES

SHELL_TEMPLATE = "field/shell.html"

_PRECACHED = ("sw.js", "field/", "css/", "vendor/", "icons")
_DESK_PREFIXES = ("css/desk",)
_CACHED_LATER_PREFIXES = ("vendor/zxing/",)
"""Large, and used by guards alone: cached after the shell, so that the shell loads fast."""

_NEEDED_OFFLINE = (".js", ".css", ".svg")
_NOT_SERVED = (".d.ts", ".json", ".map", ".md", ".txt")


@dataclass(frozen=True)
class Bundle:
    """Everything that is served under one version.

    `generated`: source of each generated module, by name. `files`: names of the static files.
    """

    version: str
    generated: Mapping[str, str]
    files: tuple[str, ...]
    manifest: str

    @property
    def base_url(self) -> str:
        return f"/field/build/{self.version}/"

    def asset_url(self, path: str) -> str:
        """The address of a static file or of a generated module."""
        return self.base_url + path


def build_bundle(app: Flask) -> Bundle:
    """Compile the templates and collect the rest. BuildError: a template is outside the subset."""
    static = Path(app.static_folder or "static")
    names = _names(static)
    generated = _modules(app, static, names)
    version = _version(app, static, names, generated)
    root = f"/field/build/{version}/"
    manifest = json.dumps(_manifest(root), ensure_ascii=False)
    candidates = [name for name in names if name.startswith(_PRECACHED)]
    offline = [name for name in candidates if name.endswith(_NEEDED_OFFLINE)]
    precached = [
        name for name in offline if not name.startswith((*_DESK_PREFIXES, *_CACHED_LATER_PREFIXES))
    ]
    later = [root + name for name in names if name.startswith(_CACHED_LATER_PREFIXES)]
    shell = ["/field/", *(root + name for name in sorted([*generated, "shell.js", *precached]))]
    shell_module = "".join(
        f"export const {name} = {json.dumps(value)};\n"
        for name, value in (
            ("VERSION", version),
            ("SHELL", [*shell, "/manifest.webmanifest"]),
            ("LATER", later),
            ("CSP", CSP),
            ("SITE_ZONE", str(SITE_ZONE)),
            ("ROLE_PAGES", ROLE_PAGES),
        )
    )
    return Bundle(version, {**generated, "shell.js": shell_module}, names, manifest)


def field_templates(app: Flask) -> list[str]:
    """The page templates of the phone. The compiler finds what they extend, include and import."""
    names = app.jinja_env.list_templates(extensions=["html"])
    return [name for name in names if name.startswith("field/") and name != SHELL_TEMPLATE]


def _names(static: Path) -> tuple[str, ...]:
    files = (path for path in static.rglob("*") if path.is_file())
    names = sorted(path.relative_to(static).as_posix() for path in files)
    hidden = (name.startswith(".") or "/." in name for name in names)
    return tuple(
        name
        for name, skip in zip(names, hidden, strict=True)
        if not skip and not name.endswith(_NOT_SERVED)
    )


def _modules(app: Flask, static: Path, names: tuple[str, ...]) -> dict[str, str]:
    compiled = compile_templates(app.jinja_env, field_templates(app))
    scripts = [static / name for name in names if name.startswith(("field/", "sw.js"))]
    keys = compiled.messages | catalogue.messages_in_scripts(
        script for script in scripts if script.suffix == ".js"
    )
    keys |= label_manifest.messages()
    translations = {
        language.code: catalogue.load_translations(_catalogues(app, language), keys)
        for language in languages(app)
    }
    return {
        "templates.js": compiled.text,
        "kinds.js": _export(kinds_manifest.describe(KINDS)),
        "labels.js": _export(label_manifest.describe()),
        "name_fields.js": _export(NAME_FIELDS),
        "catalogue.js": _export(translations),
        "languages.js": _export([language._asdict() for language in languages(app)]),
    }


def _catalogues(app: Flask, language: Language) -> list[Path]:
    return catalogue_files(catalogue_folders(app.config), language.code)


def _export(value: Any) -> str:
    return f"export default {json.dumps(value, ensure_ascii=False, sort_keys=True)};\n"


def _version(app: Flask, static: Path, names: tuple[str, ...], generated: dict[str, str]) -> str:
    """Hash of every byte of the bundle: 16 hex digits."""
    digest = sha256(CSP.encode())
    parts = {name: (static / name).read_bytes() for name in names}
    parts |= {name: text.encode() for name, text in generated.items()}
    parts["shell"] = _source(app, SHELL_TEMPLATE).encode()
    files = [file for language in languages(app) for file in _catalogues(app, language)]
    parts |= {f"catalogue {number}": file.read_bytes() for number, file in enumerate(files)}
    parts["zone"] = str(SITE_ZONE).encode()
    parts["manifest"] = json.dumps(_manifest("")).encode()
    for name, content in sorted(parts.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _source(app: Flask, name: str) -> str:
    loader = app.jinja_env.loader
    assert loader is not None
    return loader.get_source(app.jinja_env, name)[0]


def _manifest(root: str) -> dict[str, Any]:
    icon = {"src": f"{root}icons/lodge.svg", "type": "image/svg+xml", "sizes": "any"}
    squares = [(size, purpose) for size in (192, 512) for purpose in ("any", "maskable")]
    return {
        "id": "/field/",
        "name": "Lodge",
        "short_name": "Lodge",
        "start_url": "/field/",
        "scope": "/field/",
        "display": "standalone",
        "background_color": "#F4F6F8",
        "theme_color": "#00663D",
        "icons": [
            icon,
            *(
                {
                    "src": f"{root}icons/lodge-{size}.png",
                    "type": "image/png",
                    "sizes": f"{size}x{size}",
                    "purpose": purpose,
                }
                for size, purpose in squares
            ),
        ],
    }
