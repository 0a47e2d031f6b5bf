"""Logs as JSON lines. They name routes and codes, never people, bodies, queries or tokens."""

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
    """Log every answer and every crash; Flask's own log, which quotes messages, is silent."""
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
    """One line an answer: the route's pattern, not its address, which may name a record.

    Pages of the feed that are told again do not come by here.
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
    """A crash with its place; its message may quote what somebody typed and stays out."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("crashed", error=type(error).__name__, where=where[-8:], **known)
