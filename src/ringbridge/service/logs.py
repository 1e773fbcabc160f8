"""Logs: one line an event, key-values in the past tense. Secrets are masked where they could come near a log; the
numbers of clients are masked by whoever logs them, and here again in what libraries say."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from ringbridge.service.log_tail import LogTail

PHONE = re.compile(r"(?<![\w.:-])(\+?\d{1,4})\d{4,9}(\d{2})(?![\w.:-])")


def masked(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Longer runs of digits in texts become ``+7…22``. Ids with dots and dashes (Uniqueids, dates) stay readable."""
    for name, value in event.items():
        if isinstance(value, str) and name not in {"timestamp", "call", "record"}:
            event[name] = without_numbers(value)
    return event


def without_numbers(text: str) -> str:
    return PHONE.sub(r"\1…\2", text)


TAIL = LogTail(mask=without_numbers)
"""Of this process."""


def configure_logs(level: str = "INFO") -> None:
    number = logging.getLevelNamesMapping()[level]
    logging.basicConfig(
        level=max(number, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger().addHandler(TAIL)
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if sys.stderr.isatty()
        else (structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]))
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            masked,
            TAIL,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
