"""What every run of the tests needs: parts that this machine cannot run are left out, and said so at the very end.

A part is a pytest marker. On a developer's machine without a browser or an Asterisk its tests are skipped, and the
last lines of the run say which and why. With ``CI=true`` in the environment nothing may be left out: there every
skipped test counts as failed, whatever skipped it.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_OUT = pytest.StashKey[Counter[str]]()


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


PARTS = {"asterisk": asterisk_missing, "browser": browser_missing}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in PARTS.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        note_left_out(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:  # a whole file, with pytest.skip(allow_module_level=True) or importorskip
        note_left_out(collector.config, report)
    return report


def note_left_out(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    config.stash[LEFT_OUT][reason] += 1
    if nothing_may_be_left_out():
        report.outcome = "failed"
        report.longrepr = f"left out, and with CI=true nothing may be: {reason}"


def nothing_may_be_left_out() -> bool:
    return os.environ.get("CI") == "true"


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last lines of all, after pytest's own last line."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or nothing_may_be_left_out():
        return
    for reason, count in config.stash[LEFT_OUT].items():
        terminal.write_line(f"left out: {count} {'test' if count == 1 else 'tests'}: {reason}", yellow=True)
