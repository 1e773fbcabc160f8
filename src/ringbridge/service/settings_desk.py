"""The office as the settings' pages and the wizard change it: any part of it, judged whole, kept with who did it, and
put back from the history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ringbridge.service.config import SECRETS, ConfigError, Office, document_of, mistakes_of
from ringbridge.service.editing import OfficeEditor
from ringbridge.service.settings import SECTION, load_office, save_office
from ringbridge.store import settings
from ringbridge.store.settings import Change, Secret
from ringbridge.store.vault import Vault

Document = dict[str, Any]
Place = tuple[str | int, ...]

KEPT = 200  # changes that the history shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """`place`: the steps to the setting, ("pbx", 0, "port"); empty: the office as a whole."""

    place: Place
    words: str


class OfficeRefused(ConfigError):
    """The office would make no sense so. Nothing was changed."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(mistake.words for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class OfficeChanged(ConfigError):
    """Somebody else has changed this part meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One setting that a change changed; empty: it was, or is, at its default. What is secret shows no value."""

    setting: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One change of the past. `whole`: it is one of the office, and what was before it can be put back."""

    id: int
    at: datetime
    by: str
    section: str
    differences: tuple[Difference, ...]
    whole: bool


class SettingsDesk:
    """`look` tells what runs that the office was changed."""

    def __init__(self, editor: OfficeEditor, vault: Vault, look: Callable[[], None]) -> None:
        self._editor, self._vault, self._look = editor, vault, look
        self.database = editor.database

    async def office(self) -> Office:
        """Before anything was configured: one with nothing in it. Raises `StoreError`, `ConfigError`."""
        return await load_office(self.database, self._vault) or Office()

    async def change(self, alter: Callable[[Document], Document], *, by: str) -> Office:
        """`alter` gets the office as plain values, and gives it as it shall be. Raises `OfficeRefused`, `StoreError`,
        and what `alter` raises."""
        if await load_office(self.database, self._vault) is None:
            validated(alter({}))
            await save_office(self.database, self._vault, Office(), by=by)
        office = await self._editor.change(lambda before: validated(alter(document_of(before))), by=by)
        self._look()
        return office

    def proposed_secret(self, what: str) -> str:
        """For a user that is still to be made elsewhere: the same one whenever it is asked for, and another one in
        every installation."""
        return self._vault.derived(f"proposed {what}")[-1].hex()[:24]

    async def history(self) -> list[Past]:
        async with self.database.reading() as tx:
            changes = await settings.changes(tx, limit=KEPT)
        return [self._past(change) for change in changes]

    async def put_back(self, change: int, *, by: str) -> None:
        """The office as it was before this change. Raises `OfficeChanged` where there is nothing to put back,
        `OfficeRefused`, `StoreError`."""
        async with self.database.reading() as tx:
            found = [one for one in await settings.changes(tx, SECTION, limit=KEPT) if one.id == change]
        if not found or found[0].before is None:
            raise OfficeChanged("There is nothing that could be put back.")
        before = texts(settings.opened(found[0].before, self._vault))
        await self.change(lambda _: before, by=by)

    def _past(self, change: Change) -> Past:
        before, after = (settings.opened(document or {}, self._vault) for document in (change.before, change.after))
        return Past(
            id=change.id,
            at=change.at,
            by=change.by,
            section=change.section,
            differences=tuple(differences(before, after)),
            whole=change.section == SECTION and change.before is not None,
        )


def validated(document: Mapping[str, Any]) -> Office:
    """Raises `OfficeRefused`."""
    try:
        return Office.model_validate(document)
    except ValidationError as error:
        raise OfficeRefused([Mistake(place=place, words=words) for place, words in mistakes_of(error)]) from error


def version_of(document: Mapping[str, Any]) -> str:
    """Another one after every change: nobody overwrites what they have not seen."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()[:16]


def differences(before: Any, after: Any) -> list[Difference]:
    """By setting, in the order of their names."""
    old, new = dict(leaves(before)), dict(leaves(after))
    return [
        Difference(setting=name_of(place), before=shown(place, old.get(place)), after=shown(place, new.get(place)))
        for place in sorted(old.keys() | new.keys(), key=lambda place: [str(step) for step in place])
        if old.get(place) != new.get(place)
    ]


def leaves(value: Any, place: Place = ()) -> list[tuple[Place, Any]]:
    """A list of plain values is one value."""
    match value:
        case dict():
            return [leaf for name, part in value.items() for leaf in leaves(part, (*place, name))]
        case list() if any(isinstance(part, dict) for part in value):
            return [leaf for n, part in enumerate(value) for leaf in leaves(part, (*place, n))]
    return [(place, value)]


def name_of(place: Place) -> str:
    """``pbx[1].port``, as the mistakes in a file are named."""
    text = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")


def shown(place: Place, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Secret) or any(step in SECRETS for step in place):
        return "••••••"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def texts(value: Any) -> Any:
    """What was unsealed, as plain values."""
    match value:
        case Secret():
            return str.__str__(value)
        case dict():
            return {name: texts(part) for name, part in value.items()}
        case list():
            return [texts(part) for part in value]
    return value
