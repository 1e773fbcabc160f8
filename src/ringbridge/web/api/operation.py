"""What a program may ask of one address, as a value: its description is made of the types that the code reads and
answers with, so that the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from ringbridge.service.config.api import Permission

JSON, TEXT = "application/json", "text/plain"


class Door(StrEnum):
    """Who gets in."""

    BEARER = "bearer"  # whoever shows a token that has the permission
    HERE_OR_BEARER = "here or bearer"  # programs on this machine, others by such a token
    HERE_OR_ACCOUNT = "here or account"  # the same, and by name and password of an administrator or a supervisor
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`model`: what is in it as JSON, whatever pydantic knows a schema for; None: text."""

    words: str
    model: Any = None
    also_text: bool = False  # text, unless JSON was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address. `query` and `body` are the models by which the code reads them."""

    name: str
    method: str
    path: str  # places in braces
    title: str
    door: Door
    answers: Mapping[int, Answer]
    text: str = ""
    permission: Permission | None = None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    places: Mapping[str, str] = field(default_factory=dict)  # of the path: what each one is
