"""What must be known before the database is open: where it is, its key, and where the page listens.

Read from the environment (``RINGBRIDGE_DATA=…``) over ``/etc/ringbridge/ringbridge.toml`` (another file by
``RINGBRIDGE_CONFIG``). Everything else is in the database: see `config`.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from ringbridge.service.config import ConfigError
from ringbridge.service.config.web import WebConfig
from ringbridge.store import settings
from ringbridge.store.database import Database
from ringbridge.store.vault import Vault

CONFIG = Path("/etc/ringbridge/ringbridge.toml")


class Bootstrap(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RINGBRIDGE_", env_nested_delimiter="__", extra="forbid", frozen=True)

    data: Path = Field(Path("/var/lib/ringbridge"), description="Folder of the database and of converted recordings.")
    key_file: Path | None = Field(
        None, description="Opens the stored secrets; by default secret.key in the data folder."
    )
    host: str = Field("127.0.0.1", description="Address the page listens on.")
    port: int = Field(8077, ge=0, le=65535, description="Port of the page.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    web: WebConfig = Field(WebConfig(), description="The page encrypted by a certificate of its own.")

    @property
    def database(self) -> str:
        return f"sqlite:///{self.data.absolute() / 'ringbridge.db'}"

    @property
    def nearby(self) -> str:
        """The page's address for programs on this machine."""
        everywhere = self.host in {"0.0.0.0", "::", ""}  # noqa: S104 compared, not bound
        return f"http://{'127.0.0.1' if everywhere else self.host}:{self.port}"

    @property
    def key(self) -> Path:
        return self.key_file or self.data / "secret.key"

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: Any, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return named["init_settings"], named["env_settings"], file


def config_file() -> Path:
    return Path(os.environ.get("RINGBRIDGE_CONFIG", CONFIG))


async def open_vault(bootstrap: Bootstrap, database: Database) -> Vault:
    """The key of this database's secrets, made where there are none yet. Raises `SecretsLocked`, `StoreError`."""
    async with database.reading() as tx:
        needed = await settings.holds_secrets(tx)
    return Vault.open(bootstrap.key, needed=needed)


def read_bootstrap(**given: Any) -> Bootstrap:
    """`given` (from the command line) goes before everything else. Raises `ConfigError`."""
    try:
        return Bootstrap(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise ConfigError("\n".join(map(_mistake, error.errors()))) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{config_file()} is not TOML: {error}") from error


def _mistake(error: Any) -> str:
    place = list(map(str, error["loc"]))
    words = "no such setting" if error["type"] == "extra_forbidden" else error["msg"].removeprefix("Value error, ")
    return f"RINGBRIDGE_{'__'.join(place).upper()}, or {'.'.join(place)} in ringbridge.toml: {words}"
