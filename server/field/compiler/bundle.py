"""The phone's whole program under one version: scripts, styles, compiled templates, words.

`static/` and the generated modules form one tree at `/field/build/<version>/`. Modules import each
other by relative addresses, so the version comes along by itself, in pages and in the worker.
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
from sync import KINDS

SHELL_TEMPLATE = "field/shell.html"
TRANSLATIONS = Path(__file__).parents[2] / "translations"

_PRECACHED = ("sw.js", "field/", "css/", "vendor/", "icons")
_DESK_PREFIXES = ("css/desk",)
_CACHED_LATER_PREFIXES = ("vendor/zxing/",)
"""Large, and wanted by guards alone: kept after the shell, so that the shell stays small."""

_NEEDED_OFFLINE = (".js", ".css", ".svg")
_NOT_SERVED = (".d.ts", ".json", ".map", ".md", ".txt")


@dataclass(frozen=True)
class Bundle:
    """What is served under one version; another version is another address."""

    version: str
    generated: Mapping[str, str]
    files: tuple[str, ...]
    manifest: str

    @property
    def base_url(self) -> str:
        return f"/field/build/{self.version}/"

    def asset_url(self, path: str) -> str:
        """The address of a file of `static/` or of a generated module."""
        return self.base_url + path


def build_bundle(app: Flask) -> Bundle:
    """Compile and gather everything; a template outside of the subset stops the start."""
    static = Path(app.static_folder or "static")
    names = _names(static)
    generated = _modules(app, static, names)
    version = _version(app, static, names, generated)
    root = f"/field/build/{version}/"
    manifest = json.dumps(_manifest(root), ensure_ascii=False)
    wanted = [name for name in names if name.startswith(_PRECACHED)]
    offline = [name for name in wanted if name.endswith(_NEEDED_OFFLINE)]
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
        )
    )
    return Bundle(version, {**generated, "shell.js": shell_module}, names, manifest)


def field_templates(app: Flask) -> list[str]:
    """The templates that a phone draws; what they are made of is found by the compiler."""
    found = app.jinja_env.list_templates(extensions=["html"])
    return [name for name in found if name.startswith("field/") and name != SHELL_TEMPLATE]


def _names(static: Path) -> tuple[str, ...]:
    files = (each for each in static.rglob("*") if each.is_file())
    names = sorted(each.relative_to(static).as_posix() for each in files)
    hidden = (name.startswith(".") or "/." in name for name in names)
    return tuple(
        name
        for name, skip in zip(names, hidden, strict=True)
        if not skip and not name.endswith(_NOT_SERVED)
    )


def _modules(app: Flask, static: Path, names: tuple[str, ...]) -> dict[str, str]:
    compiled = compile_templates(app.jinja_env, field_templates(app))
    scripts = [static / name for name in names if name.startswith(("field/", "sw.js"))]
    wanted = compiled.messages | catalogue.messages_in_scripts(
        each for each in scripts if each.suffix == ".js"
    )
    wanted |= label_manifest.messages()
    words = {
        language.code: catalogue.load_translations(_catalogues(app, language), wanted)
        for language in languages(app)
    }
    return {
        "templates.js": compiled.text,
        "kinds.js": _export(kinds_manifest.describe(KINDS)),
        "labels.js": _export(label_manifest.describe()),
        "catalogue.js": _export(words),
        "languages.js": _export([language._asdict() for language in languages(app)]),
    }


def _catalogues(app: Flask, language: Language) -> list[Path]:
    return catalogue_files(catalogue_folders(app), language.code)


def _export(value: Any) -> str:
    return f"export default {json.dumps(value, ensure_ascii=False, sort_keys=True)};\n"


def _version(app: Flask, static: Path, names: tuple[str, ...], generated: dict[str, str]) -> str:
    """A hash over every byte that the version stands for."""
    digest = sha256(CSP.encode())
    parts = {name: (static / name).read_bytes() for name in names}
    parts |= {name: text.encode() for name, text in generated.items()}
    parts["shell"] = _source(app, SHELL_TEMPLATE).encode()
    words = [file for language in languages(app) for file in _catalogues(app, language)]
    parts |= {f"words {number}": file.read_bytes() for number, file in enumerate(words)}
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
