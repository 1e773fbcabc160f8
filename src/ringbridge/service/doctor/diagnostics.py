"""What a person who helps needs to see of an installation, in one file, without secrets and telephone numbers."""

from __future__ import annotations

import io
import json
import platform
import sqlite3
import zipfile
from collections.abc import Iterable, Sequence

from ringbridge import __version__
from ringbridge.service.config import Office, write_office
from ringbridge.service.doctor.findings import Finding, told
from ringbridge.service.log_tail import LogLine
from ringbridge.service.logs import without_numbers


def bundle(office: Office, *, status: object, findings: Sequence[Finding], lines: Iterable[LogLine]) -> bytes:
    """A zip file. `status` is JSON-ready but for its times; `lines` the newest first."""
    parts = {
        "version.txt": f"Ringbridge {__version__}\nPython {platform.python_version()}\n"
        f"SQLite {sqlite3.sqlite_version}\n{platform.platform()}\n",
        "status.json": json.dumps(status, default=str, ensure_ascii=False, indent=1),
        "doctor.txt": "\n".join(told(findings)) + "\n",
        "office.toml": write_office(office, secrets=False),
        "log.txt": "\n".join(map(str, reversed(list(lines)))) + "\n",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, without_numbers(text))
    return packed.getvalue()
