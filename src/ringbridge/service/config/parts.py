"""What every part of the configuration is made of."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from ringbridge.telephony.numbers import BadPattern, compile_patterns

Secret = SecretStr
"""Prints as stars, and is stored sealed."""


def _named(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", value):
        raise ValueError(f"{value!r} is no name: small Latin letters, digits, - and _, at most 32")
    return value


Name = Annotated[str, AfterValidator(_named)]
NAME_HELP = "small Latin letters, digits, - and _; it becomes part of every call's id, so choose once"


def _patterns(value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        compile_patterns("\n".join(value))
    except BadPattern as error:
        raise ValueError(str(error)) from error
    return value


Patterns = Annotated[tuple[str, ...], AfterValidator(_patterns)]
"""Telephone numbers, and patterns of them such as 8123456XXXX."""


class Part(BaseModel):
    """A part of the configuration: nothing in it is unknown, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
