"""What the page shows of the rules, and lets an administrator change."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ringbridge.crm.contract import Choices
from ringbridge.routing.rule_review import RuleWarning
from ringbridge.service.config import ConfigError, Office
from ringbridge.service.config.rules import RuleRow
from ringbridge.service.editing import OfficeEditor
from ringbridge.service.rules.review import read_facts, review


class RulesChanged(ConfigError):
    """Somebody else has changed the table meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTable:
    rows: tuple[RuleRow, ...]
    warnings: tuple[RuleWarning, ...] = ()
    choices: Mapping[str, Choices] = field(default_factory=dict)  # of each portal
    trunks: tuple[str, ...] = ()
    phones: Mapping[str, str] = field(default_factory=dict)  # extension -> employee
    version: str  # another one after every change: nobody overwrites what they have not seen

    def warnings_of(self, place: int | None) -> list[str]:
        return [warning.words for warning in self.warnings if warning.row == place]


class RuleDesk:
    def __init__(self, editor: OfficeEditor) -> None:
        self._editor = editor

    async def read(self) -> RuleTable:
        """Raises `ConfigError`, `StoreError`."""
        office = await self._editor.read()
        facts = await read_facts(office, self._editor.database)
        return RuleTable(
            rows=office.rule,
            version=version_of(office.rule),
            warnings=await asyncio.to_thread(review, office, facts),  # hundreds of rows take a sixth of a second
            choices={portal: one.choices for portal, one in facts.items()},
            trunks=tuple(trunk.name for trunk in office.trunk),
            phones={phone: employee.name for employee in office.employee for phone in employee.extensions},
        )

    async def save(self, rows: Sequence[RuleRow], *, version: str, by: str) -> None:
        """In place of all rows. They count from the next event of a call on. Raises `RulesChanged`, `ConfigError`,
        `StoreError`."""

        def alter(office: Office) -> Office:
            if version_of(office.rule) != version:
                raise RulesChanged("Somebody else has changed the rules meanwhile: look at them again.")
            return office.model_copy(update={"rule": tuple(rows)})

        await self._editor.change(alter, by=by)


def version_of(rows: Sequence[RuleRow]) -> str:
    return hashlib.sha256(repr(tuple(rows)).encode()).hexdigest()[:16]
