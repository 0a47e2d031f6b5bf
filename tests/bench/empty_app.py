"""The floor of a request: an empty Flask route behind the server that the product is served by."""

from __future__ import annotations

import sys

import waitress
from flask import Flask


def main() -> None:
    app = Flask("floor")
    app.post("/")(lambda: {"sync": "1"})
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=int(sys.argv[2]))


if __name__ == "__main__":
    main()
