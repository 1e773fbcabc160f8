"""What every run of the tests needs: parts that this machine cannot run are left out, and said so at the very end.

A part is a pytest marker. On a developer's machine without a browser or an Asterisk its tests are skipped, and the
last lines of the run say which and why. With ``CI=true`` in the environment nothing may be left out: there every
skipped test counts as failed, whatever skipped it.

The whole run is shared by two workers (see the Makefile), file by file; those that mostly wait, since real phones speak
in real time, begin first.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).parents[1]
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

LONGEST = "test_killed_at_any_moment.py"


def asterisk_missing() -> str:
    """Why the tests marked `asterisk` cannot run; empty when they can."""
    if (ROOT / ".cache" / "asterisk22" / "usr" / "sbin" / "asterisk").exists():
        return ""
    return "real Asterisk: not under .cache/asterisk22; scripts/setup-tests fetches it on Debian"


def browser_missing() -> str:
    """Why the tests marked `browser` cannot run; empty when they can."""
    if shutil.which("chromium"):
        return ""
    return "browser: chromium is not installed; run make test as root once, or apt-get install chromium"


def system_missing() -> str:
    """Why the tests marked `system` cannot run; empty when they can."""
    if os.geteuid():
        return "clean system: its tests need root"
    if not all((ROOT / ".cache" / f"{suite}.tar").exists() for suite in ("bookworm", "trixie")):
        return "clean system: no .cache/bookworm.tar and trixie.tar; scripts/setup-tests makes them on Debian"
    return ""


PARTS = {"asterisk": asterisk_missing, "browser": browser_missing, "system": system_missing}


class LeftOut:
    """What was left out, and why, also by workers."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if is_left_out(report):
            self.reasons[report.nodeid] = reason_of(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if is_left_out(report):  # a whole file, with pytest.skip(allow_module_level=True) or importorskip
            self.reasons[report.nodeid] = reason_of(report)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftOut(), "left out")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first."""
    items.sort(key=lambda item: (item.path.name != LONGEST, item.get_closest_marker("asterisk") is None))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in PARTS.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return forbidden_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return forbidden_in_ci((yield))


def is_left_out(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return report.skipped and not hasattr(report, "wasxfail")


def forbidden_in_ci(report: Report) -> Report:
    if is_left_out(report) and nothing_may_be_left_out():
        report.outcome = "failed"
        report.longrepr = f"left out, and with CI=true nothing may be: {reason_of(report)}"
    return report


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple | list) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def nothing_may_be_left_out() -> bool:
    return os.environ.get("CI") == "true"


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of all, after pytest's own last line."""
    terminal, left_out = map(config.pluginmanager.get_plugin, ("terminalreporter", "left out"))
    if terminal is None or left_out is None or nothing_may_be_left_out():
        return
    for reason, count in Counter(left_out.reasons.values()).items():
        terminal.write_line(f"left out: {count} {'test' if count == 1 else 'tests'}: {reason}", yellow=True)
