"""Build step of the wheel: puts the data of the application inside the `server` package.

In a checkout `templates/` and `static/` stand beside `server/`. An installed package has no such
place, so the wheel carries them as `server/templates/` and `server/static/`, together with the
compiled translations. `server.config.data_folder` finds them in both layouts.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA_FOLDERS = ("templates", "static")


class PackDataHook(BuildHookInterface[Any]):
    """Adds data folders and compiled catalogues to a wheel; an editable install needs neither."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        self.compiled = TemporaryDirectory(prefix="lodge-wheel-")
        root = Path(self.root)
        build_data["force_include"] |= {name: f"server/{name}" for name in DATA_FOLDERS}
        for po in root.glob("server/translations/*/LC_MESSAGES/*.po"):
            target = po.relative_to(root).with_suffix(".mo")
            mo = Path(self.compiled.name, target)
            mo.parent.mkdir(parents=True)
            with po.open("rb") as source, mo.open("wb") as file:
                write_mo(file, read_po(source))
            build_data["force_include"][str(mo)] = target.as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self.compiled.cleanup()
