"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version

PACKAGES = ("ringbridge", "panoramisk", "sqlalchemy", "httpx2")


def described() -> str:
    """Markdown."""
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    python = f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    machine = f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores"
    return (
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}, load average before the run {load}\n"
        f"- {python}, {packages}\n"
    )
