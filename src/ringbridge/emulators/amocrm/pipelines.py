"""Pipelines and their stages.

Source: amoCRM API v4, "Lead pipelines and stages": 142 is won and 143 lost in every pipeline; a stage of type 1 holds
the incoming leads that nobody has taken yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

WON, LOST = 142, 143
CLOSED = frozenset({WON, LOST})


@dataclass(slots=True, kw_only=True)
class Status:
    id: int
    name: str
    sort: int
    color: str = "#99ccff"
    unsorted: bool = False

    def row(self, pipeline_id: int, account_id: int) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "sort": self.sort,
            "is_editable": not self.unsorted and self.id not in CLOSED,
            "pipeline_id": pipeline_id,
            "color": self.color,
            "type": int(self.unsorted),
            "account_id": account_id,
        }


@dataclass(slots=True, kw_only=True)
class Pipeline:
    id: int
    name: str
    sort: int = 1
    main: bool = False
    unsorted_on: bool = True
    archived: bool = False
    statuses: list[Status] = field(default_factory=list)

    @classmethod
    def of(cls, number: int, name: str, *stages: str, **more: Any) -> Pipeline:
        """A pipeline with these open stages; their ids follow its own."""
        statuses = [Status(id=number + 1, name="Неразобранное", sort=10, color="#c1c1c1", unsorted=True)]
        statuses += [Status(id=number + 2 + at, name=stage, sort=20 + 10 * at) for at, stage in enumerate(stages)]
        statuses.append(Status(id=WON, name="Успешно реализовано", sort=10000, color="#CCFF66"))
        statuses.append(Status(id=LOST, name="Закрыто и не реализовано", sort=11000, color="#D5D8DB"))
        return cls(id=number, name=name, statuses=statuses, **more)

    @property
    def first(self) -> Status:
        """Where a new lead starts."""
        return next(one for one in self.statuses if not one.unsorted)

    @property
    def incoming(self) -> Status:
        return next(one for one in self.statuses if one.unsorted)

    def status(self, number: Any) -> Status | None:
        return next((one for one in self.statuses if one.id == number), None)


@dataclass(slots=True, kw_only=True)
class Pipelines:
    rows: list[Pipeline] = field(default_factory=list)

    @property
    def main(self) -> Pipeline:
        return next((one for one in self.rows if one.main), self.rows[0])

    def get(self, number: Any) -> Pipeline | None:
        return next((one for one in self.rows if one.id == number), None)

    def with_status(self, number: Any) -> Pipeline | None:
        """The pipeline that an open stage belongs to; 142 and 143 belong to every one."""
        found = [one for one in self.rows if one.status(number)]
        return found[0] if len(found) == 1 else None
