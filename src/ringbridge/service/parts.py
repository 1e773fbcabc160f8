"""What every part of the configuration is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Secret = SecretStr
"""Prints as stars, and is stored sealed."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
NAME_HELP = "small Latin letters, digits, - and _; it becomes part of every call's id, so choose once"


class Part(BaseModel):
    """A part of the configuration: nothing in it is unknown, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
