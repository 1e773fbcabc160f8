"""What several floors' unit tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

Lines = list[MutableMapping[str, Any]]
LoggedBy = Callable[[ModuleType], AbstractContextManager[Lines]]


@pytest.fixture
def logged_by(monkeypatch: pytest.MonkeyPatch) -> LoggedBy:
    """What a module logs while the context lasts. Tests that run commands set up the log for the whole process, and
    its loggers keep what they were made with: so the module gets a new one."""

    @contextmanager
    def logged(module: ModuleType) -> Iterator[Lines]:
        structlog.reset_defaults()
        monkeypatch.setattr(module, "log", structlog.get_logger())
        with capture_logs() as lines:
            yield lines

    return logged
