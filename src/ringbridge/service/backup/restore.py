"""A backup put back: the database in the place of the present one, which stays beside it."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from ringbridge.service.backup.archive import (
    CONFIG,
    DATABASE,
    HOOKS,
    KEY,
    Manifest,
    NoBackup,
    Premises,
    digest_of,
    in_words,
    manifest_of,
)
from ringbridge.store import copies
from ringbridge.store.database import lock
from ringbridge.store.migration import known


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    manifest: Manifest
    aside: tuple[Path, ...]  # what was there before, under its new names
    key: bool  # whether there is a key file now, from the backup or from before
    hooks: bool  # the office's own code was put back
    config_differs: bool  # ringbridge.toml in the backup is another one than here; it was left alone
    orders_ended: int  # of calls that were due: they may have been made meanwhile


def restore(file: Path, premises: Premises, *, now: datetime) -> Restored:
    """Refuses while the service runs. Raises `StoreError` (`InUse`, `SchemaTooNew`, `Damaged`, …), `NoBackup`."""
    manifest = manifest_of(file)
    known(manifest.schema_revision)
    try:
        premises.database.parent.mkdir(parents=True, exist_ok=True)
        with lock(premises.database):
            return put_back(file, manifest, premises, now)
    except (EOFError, tarfile.TarError) as error:
        raise NoBackup(f"{file} is broken: {error}. Nothing was changed.") from error
    except OSError as error:
        raise in_words(error, premises.database) from error


def put_back(file: Path, manifest: Manifest, premises: Premises, now: datetime) -> Restored:
    stamp = f"before-{now:%Y%m%dT%H%M%SZ}"
    fresh = premises.database.with_name(f"{premises.database.name}.restoring")
    unpacked = premises.database.with_name(".restoring")
    try:
        unpack(file, unpacked)
        (unpacked / DATABASE).replace(fresh)
        if fresh.stat().st_size != manifest.bytes or digest_of(fresh) != manifest.sha256:
            raise NoBackup(f"{file} is broken: its database is not what it says. Nothing was changed.")
        copies.examined(fresh)
        ended = copies.made_harmless(fresh, now)
        aside = [*key_put_back(unpacked / KEY, premises.key, stamp)]
        before = premises.database.with_name(f"{premises.database.name}.{stamp}")
        if copies.put_in_place(fresh, premises.database, before):
            aside.append(before)
        return Restored(
            manifest=manifest,
            aside=tuple(aside),
            key=premises.key.exists(),
            hooks=hooks_put_back(unpacked / HOOKS, premises.hooks),
            config_differs=differs(unpacked / CONFIG, premises.config),
            orders_ended=ended,
        )
    finally:
        fresh.unlink(missing_ok=True)
        shutil.rmtree(unpacked, ignore_errors=True)


def unpack(file: Path, folder: Path) -> None:
    """Only what a backup has, and nothing outside of the folder, whoever made the file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    with tarfile.open(file, "r:gz") as archive:
        for member in archive:
            if member.isfile() and is_ours(PurePosixPath(member.name)):
                archive.extract(member, folder, filter="data")
    if not (folder / DATABASE).is_file():
        raise NoBackup(f"{file} is broken: there is no database in it. Nothing was changed.")


def is_ours(name: PurePosixPath) -> bool:
    return str(name) in {DATABASE, KEY, CONFIG} or name.parts[:1] == (HOOKS,)


def key_put_back(kept: Path, key: Path, stamp: str) -> Iterator[Path]:
    """The backup's, where it has one. Gives another one that was there, under its new name."""
    if not kept.is_file():
        return
    if key.exists():
        if key.read_bytes() == kept.read_bytes():
            return
        aside = key.with_name(f"{key.name}.{stamp}")
        key.rename(aside)
        yield aside
    key.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(key, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
        file.write(kept.read_bytes())
        file.flush()
        os.fsync(file.fileno())


def hooks_put_back(kept: Path, hooks: Path) -> bool:
    """Where none are: code that somebody may have changed since is not overwritten."""
    if not kept.is_dir() or (hooks.is_dir() and any(hooks.iterdir())):
        return False
    shutil.copytree(kept, hooks, dirs_exist_ok=True)
    return True


def differs(kept: Path, config: Path) -> bool:
    if not kept.is_file():
        return False
    return not os.access(config, os.R_OK) or kept.read_bytes() != config.read_bytes()
