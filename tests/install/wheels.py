"""Other versions of a wheel, for upgrades: made from the real one by changing some of its files."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

Change = tuple[str, str]
"""A text of a file, and what stands there instead; an empty one stands for the whole file."""


def version_of(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def another_version(wheel: Path, folder: Path, version: str, changes: Mapping[str, Change]) -> Path:
    """The wheel of `version`: the same but for `changes`, by the file's name. A file that is not there is added."""
    name, tag = f"ringbridge-{version}", wheel.name.split("-", 2)[2]
    before = f"ringbridge-{version_of(wheel)}.dist-info"
    with zipfile.ZipFile(wheel) as old:
        files = {path.replace(before, f"{name}.dist-info"): old.read(path) for path in old.namelist()}
    for path, (text, instead) in changes.items():
        present = files.get(path, b"").decode()
        assert text in present, f"{path} has changed: the test has to follow"
        files[path] = (present.replace(text, instead) if text else instead).encode()
    about = f"{name}.dist-info/METADATA"
    files[about] = files[about].replace(
        f"\nVersion: {version_of(wheel)}\n".encode(), f"\nVersion: {version}\n".encode()
    )
    record = f"{name}.dist-info/RECORD"
    files[record] = "".join(f"{path},,\n" for path in files).encode()
    made = folder / f"{name}-{tag}"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for path, content in files.items():
            new.writestr(path, content)
    return made
