"""Whether there is a backup, and how old it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from ringbridge.service.backup.folder import kept_in
from ringbridge.service.config.backup import BackupConfig
from ringbridge.service.doctor.findings import Finding, failure, ok, warning

SUBJECT = "Backup"
TOO_OLD_DAILY = timedelta(hours=36)  # a day's backup may be late, not left out
TOO_OLD = timedelta(days=8)  # whoever makes them by hand or by cron: a week and a little
EVERY_DAY = "make them every day: Settings, Backup"


def findings_of(
    config: BackupConfig, folder: Path, noted: datetime | None, now: datetime, zone: tzinfo
) -> Iterator[Finding]:
    """`noted`: when the last one was made, wherever it went."""
    try:
        in_folder = [one.made for one in kept_in(folder)]
    except OSError as error:
        yield failure(SUBJECT, f"{folder} cannot be read: {error.strerror}", "give it to the service's user")
        return
    last = max([*in_folder, *([noted] if noted else [])], default=None)
    if last is None:
        yield warning(SUBJECT, "none was made yet", EVERY_DAY)
        return
    age, at = now - last, f"{last.astimezone(zone):%Y-%m-%d %H:%M}"
    if config.daily and age > TOO_OLD_DAILY:
        advice = "the log says why: look for backup_not_made"
        yield failure(SUBJECT, f"the last one is of {at}, and one is due every day", advice)
    elif not config.daily and age > TOO_OLD:
        yield warning(SUBJECT, f"the last one is of {at}", EVERY_DAY)
    else:
        yield ok(SUBJECT, f"the last one is of {at}")
