"""A widget's archive: an unpacked folder or a zip, and the settings that the account keeps for it.

Source: amoCRM developer documentation, "Integration's structure": `manifest.json`, `script.js`, `i18n/`, `images/`.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class NoWidget(ValueError):
    """What was given is no widget; the text says why."""


@dataclass(slots=True, kw_only=True)
class Widget:
    files: dict[str, bytes]
    manifest: dict[str, Any]
    code: str
    values: dict[str, Any] = field(default_factory=dict)  # of the settings window
    active: bool = False

    @classmethod
    def load(cls, where: Path, *, code: str = "ringbridge") -> Widget:
        """Read a folder or a zip. Raises `NoWidget` where the platform would refuse the upload."""
        files = _unzipped(where) if where.is_file() else _folder(where)
        for name in ("manifest.json", "script.js"):
            if name not in files:
                raise NoWidget(f"{name} is missing at the root of {where.name}")
        try:
            manifest = json.loads(files["manifest.json"])
        except ValueError as error:
            raise NoWidget(f"manifest.json is no JSON: {error}") from error
        for language in manifest.get("widget", {}).get("locale", []):
            if f"i18n/{language}.json" not in files:
                raise NoWidget(f"i18n/{language}.json is missing, though the manifest lists the language")
        return cls(files=files, manifest=manifest, code=code)

    @property
    def version(self) -> str:
        return str(self.manifest.get("widget", {}).get("version", ""))

    def words(self, language: str) -> dict[str, Any]:
        """The texts of a language, or of the manifest's first one."""
        known = self.manifest.get("widget", {}).get("locale", [language])
        name = f"i18n/{language if language in known else known[0]}.json"
        words: dict[str, Any] = json.loads(self.files.get(name, b"{}"))
        return words


def _folder(where: Path) -> dict[str, bytes]:
    if not where.is_dir():
        raise NoWidget(f"{where} is neither a folder nor a zip")
    return {path.relative_to(where).as_posix(): path.read_bytes() for path in where.rglob("*") if path.is_file()}


def _unzipped(where: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(where) as archive:
            return {one.filename: archive.read(one) for one in archive.infolist() if not one.is_dir()}
    except zipfile.BadZipFile as error:
        raise NoWidget(f"{where.name} is no zip: {error}") from error
