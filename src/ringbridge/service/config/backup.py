"""The part of the configuration that says when a backup is made, and where it goes."""

from __future__ import annotations

from datetime import time
from pathlib import Path

from pydantic import Field

from ringbridge.service.config.parts import Part


class BackupConfig(Part):
    daily: bool = Field(False, description="Make a backup every day.")
    at: time = Field(time(3, 30), description="When, in the office's time.")
    keep: int = Field(7, ge=1, le=1000, description="How many are kept in the folder; the oldest go.")
    folder: Path | None = Field(
        None, description="Where backups go; by default the folder backups beside the data. Better another disk."
    )
    with_key: bool = Field(
        False,
        description="Put the key file into it: whoever has such a backup can read the passwords and keys in it.",
    )

    def folder_in(self, data: Path) -> Path:
        """`data`: the folder of the service's data."""
        return self.folder or data / "backups"
