"""Print the bill of materials of a release as CycloneDX: the pinned packages and browser files.

Written here because a generator for Python packages does not know the browser libraries.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(
    r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\]+)[^\\\n]*((?:\\\n +--hash=sha256:[0-9a-f]{64} ?)+)"
)


def bill_of_materials() -> dict[str, Any]:
    """The bill as JSON."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": project["name"],
                "version": project["version"],
            }
        },
        "components": [*_python_packages(), *_browser_files()],
    }


def _python_packages() -> list[dict[str, Any]]:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    return [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "externalReferences": [
                {
                    "type": "distribution",
                    "url": f"pkg:pypi/{name}@{version}",
                    "hashes": [_sha256(digest) for digest in re.findall(r"sha256:(\w+)", hashes)],
                }
            ],
        }
        for name, version, hashes in PINNED.findall(lock)
    ]


def _browser_files() -> list[dict[str, Any]]:
    lines = (ROOT / "static/vendor/SHA256SUMS").read_text("utf-8").split("\n")
    return [
        {"type": "file", "name": f"static/vendor/{name}", "hashes": [_sha256(digest)]}
        for digest, name in (line.split("  ") for line in lines if line)
    ]


def _sha256(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}


if __name__ == "__main__":
    print(json.dumps(bill_of_materials(), indent=1))  # noqa: T201 - its output
