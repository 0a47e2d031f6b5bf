"""Waiting for something to become true: asked again and again, with a deadline, never slept on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 30.0


def until(ask: Callable[[], Any], *, within: float = PATIENCE, every: float = 0.02) -> Any:
    """The first true answer; what raises counts as not yet. Fails with the last thing heard."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while True:
        try:
            heard = ask()
        except Exception as error:
            heard, said = None, repr(error)
        else:
            said = repr(heard)
        if heard:
            return heard
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; last heard: {said}")
        pause.wait(every)
