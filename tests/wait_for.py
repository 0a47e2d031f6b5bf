"""Waiting for something to become true: asked again and again, with a deadline, never slept on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

DEFAULT_TIMEOUT = 60.0


def wait_for(
    condition: Callable[[], Any], *, timeout: float = DEFAULT_TIMEOUT, interval: float = 0.02
) -> Any:
    """The first true answer; what raises counts as not yet. Fails with the last thing heard."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        try:
            heard = condition()
        except Exception as error:
            heard, said = None, repr(error)
        else:
            said = repr(heard)
        if heard:
            return heard
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s; last heard: {said}")
        pause.wait(interval)
