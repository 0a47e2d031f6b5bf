"""The version of Lodge that is running."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("lodge")
except PackageNotFoundError:  # run from a checkout that is not installed
    VERSION = "0.0.0"
