"""Secrets at rest: sealed with a key that lies outside the database, so that a copy of the database opens nothing."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ringbridge.store.errors import SecretsLocked


class Vault:
    """Seals and opens text with the keys of one file, one a line. The first seals; all of them open, so a new key is
    put in front of the old ones."""

    def __init__(self, keys: list[str], path: Path) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise SecretsLocked(f"{path} is not a key file: restore it from the backup.") from error
        self._keys = [key.encode() for key in keys]
        self._path = path

    def derived(self, purpose: str) -> list[bytes]:
        """A secret of its own for each purpose, from each key of the file, the newest first."""
        return [hmac.digest(key, b"ringbridge " + purpose.encode(), "sha256") for key in self._keys]

    @classmethod
    def open(cls, path: Path, *, needed: bool = False) -> Self:
        """Read the key file; make it, readable by us only, when there is none.

        `needed`: secrets are kept already that only the right key opens. Then none is made: a wrong one would stand
        where the right one has to be put back.

        Raises `SecretsLocked` when it cannot be read or written, is no key file, may be read by others, or is needed
        and not there.
        """
        try:
            if not path.exists():
                if needed:
                    raise SecretsLocked(
                        f"The key file {path} is missing, and the database holds passwords and keys that only it "
                        "opens. Put it back from the backup, or name its place: RINGBRIDGE_KEY_FILE, or key_file in "
                        "ringbridge.toml. Nothing was changed."
                    )
                create(path)
            if path.stat().st_mode & 0o077:
                raise SecretsLocked(f"{path} may be read by others, and it opens every secret: chmod 600 {path}")
            return cls(path.read_text("ascii").split(), path)
        except OSError as error:
            raise SecretsLocked(f"The key file {path} cannot be used ({error.strerror}).") from error
        except UnicodeDecodeError as error:
            raise SecretsLocked(f"{path} is not a key file: restore it from the backup.") from error

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def unseal(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SecretsLocked(
                f"The key file {self._path} does not open the stored secrets: put back the one that was made with this "
                "database, or enter the passwords and connect the portals again."
            ) from error


def create(path: Path) -> None:
    """Durable before it is used: a secret sealed with a key that a power cut took would be lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)  # unlike a rename, never over a key that another process has just made
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
