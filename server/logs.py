"""Logs as JSON lines on stderr. They contain routes and codes, never names, bodies, queries or
tokens."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from types import TracebackType
from typing import Any

import structlog
from flask import Flask, Response, g, request

log = structlog.get_logger("lodge")


def init_app(app: Flask) -> None:
    """Log every response and every crash; replaces Flask's log, which quotes error messages."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    app.before_request(_start_timer)
    app.after_request(_log_response)
    app.log_exception = _log_exception  # type: ignore[method-assign]


def _start_timer() -> None:
    g.begun = time.perf_counter()


def _log_response(response: Response) -> Response:
    """One line for each response, with the route's pattern: its path may contain a record's id.

    Pages answered by `PullCache` are not logged.
    """
    rule = request.url_rule.rule if request.url_rule else None
    quiet = response.status_code == 204 or rule == "/healthz" or request.endpoint == "static"
    if not quiet:
        log.info(
            "answered",
            method=request.method,
            route=rule,
            status=response.status_code,
            ms=round((time.perf_counter() - g.get("begun", time.perf_counter())) * 1000),
            size=response.calculate_content_length(),
        )
    return response


def _log_exception(
    exc_info: tuple[type, BaseException, TracebackType | None] | tuple[None, None, None],
) -> None:
    log_crash(exc_info[1], route=request.url_rule.rule if request.url_rule else None)


def log_crash(error: BaseException | None, **known: Any) -> None:
    """Log a crash with its stack, without its message, which may quote what somebody typed."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("crashed", error=type(error).__name__, where=where[-8:], **known)
