"""The part of the configuration that says which of the office's own code is asked, and what it is given."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from pathlib import Path

from pydantic import Field, JsonValue

from ringbridge.hooks.context import Surroundings
from ringbridge.hooks.runner import HookSettings
from ringbridge.service.config.parts import Part, Secret


class HooksConfig(Part):
    folder: Path | None = Field(None, description="Where the hooks are; by default the folder hooks beside the data.")
    deadline: float = Field(10.0, gt=0, le=120, description="Seconds that a hook of a file may take.")
    urgent_deadline: float = Field(
        2.0, gt=0, le=30, description="The same for hooks that a ringing phone waits for: numbers, need_registration."
    )
    only: tuple[str, ...] = Field((), description="Names of the files that are asked; empty: all.")
    off: tuple[str, ...] = Field((), description="Names of files that are not asked.")
    settings: dict[str, JsonValue] = Field(default_factory=dict, description="Your hooks' own settings: ctx.settings.")
    secrets: dict[str, Secret] = Field(
        default_factory=dict,
        repr=False,
        description="Your hooks' own secrets: ctx.secrets. Stored sealed, shown nowhere.",
    )

    def hook_settings(self, data: Path, zone: tzinfo) -> HookSettings:
        """`data`: the folder of the service's data."""
        secrets = {name: secret.get_secret_value() for name, secret in self.secrets.items()}
        return HookSettings(
            folder=self.folder or data / "hooks",
            zone=zone,
            deadline=timedelta(seconds=self.deadline),
            urgent_deadline=timedelta(seconds=min(self.urgent_deadline, self.deadline)),
            only=frozenset(self.only),
            off=frozenset(self.off),
            surroundings=Surroundings(settings=self.settings, secrets=secrets),
        )
