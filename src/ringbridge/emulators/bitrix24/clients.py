"""The CRM's memory: leads, contacts, companies, deals, and whom a phone number belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringbridge.emulators.bitrix24.fields import FIELDS, MULTI_FIELDS, Field, Kind, merge_multi_field, stored
from ringbridge.emulators.bitrix24.phones import normalise
from ringbridge.emulators.bitrix24.wire import Params

Row = dict[str, Any]

FINAL_STATUSES = {"CONVERTED": "S", "JUNK": "F"}
STAGES = {Kind.LEAD: "STATUS_ID", Kind.DEAL: "STAGE_ID"}


@dataclass(slots=True)
class Clients:
    """All four kinds of objects. Rows hold every field of their kind, in the form they are read back."""

    rows: dict[Kind, dict[int, Row]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    custom_fields: dict[Kind, set[str]] = field(default_factory=lambda: {kind: set() for kind in Kind})
    by_phone: dict[str, set[tuple[Kind, int]]] = field(default_factory=lambda: defaultdict(set))
    last_id: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    last_value_id: int = 0

    def fields(self, kind: Kind) -> dict[str, Field]:
        custom = {name: Field(name=name, type="string") for name in sorted(self.custom_fields[kind])}
        return {**FIELDS[kind], **custom}

    def add(self, kind: Kind, written: Params, *, user_id: int, at: str) -> int:
        """A new object; unknown and read-only fields are passed over. Returns its id."""
        defaults = {name: one.default for name, one in self.fields(kind).items() if name not in MULTI_FIELDS}
        written = {"ASSIGNED_BY_ID": user_id, **written}
        number = self.last_id[kind] + 1
        row: Row = {**defaults, "ID": str(number), "CREATED_BY_ID": str(user_id), "DATE_CREATE": at}
        row |= self._changes(kind, row, written)
        if "TITLE" in row and not row["TITLE"]:
            row["TITLE"] = f"{kind.value.capitalize()} #{number}"
        self.last_id[kind] = number
        self._save(kind, number, row, user_id=user_id, at=at)
        return number

    def update(self, kind: Kind, number: int, written: Params, *, user_id: int, at: str) -> bool:
        """False when there is no such object."""
        old = self.rows[kind].get(number)
        if old is None:
            return False
        self._save(kind, number, {**old, **self._changes(kind, old, written)}, user_id=user_id, at=at)
        return True

    def delete(self, kind: Kind, number: int) -> bool:
        row = self.rows[kind].pop(number, None)
        if row is None:
            return False
        self._unindex(kind, number, row)
        return True

    def find(self, kind: Kind, name: str, values: Iterable[str]) -> list[int]:
        """Ids of the objects with one of these phones or e-mail addresses, lowest first."""
        if name == "PHONE":
            keys = {normalise(value) for value in values} - {""}
            return sorted({number for key in keys for owner, number in self.by_phone.get(key, ()) if owner is kind})
        wanted = {value.strip().lower() for value in values}
        rows = self.rows[kind].items()
        return sorted(n for n, row in rows if any(v["VALUE"].lower() in wanted for v in row.get(name, ())))

    def by_number(self, number: str, kinds: Sequence[Kind], *, closed_leads: bool) -> list[tuple[Kind, int]]:
        """Whom a phone number belongs to, in the order of `kinds`, lowest id first."""
        return [
            (kind, client)
            for kind in kinds
            for client in self.find(kind, "PHONE", [number])
            if kind is not Kind.LEAD or closed_leads or self.rows[kind][client]["STATUS_SEMANTIC_ID"] == "P"
        ]

    def name(self, kind: Kind, number: int) -> str:
        row = self.rows[kind].get(number, {})
        person = " ".join(filter(None, (row.get("NAME"), row.get("LAST_NAME"))))
        return row.get("TITLE") or person

    def _changes(self, kind: Kind, old: Row, written: Params) -> Row:
        changes: Row = {}
        for name, one in self.fields(kind).items():
            if name not in written or one.read_only:
                continue
            if name in MULTI_FIELDS:
                merged = merge_multi_field(name, old.get(name, []), written[name], self.last_value_id + 1)
                self.last_value_id = max([self.last_value_id, *(int(value["ID"]) for value in merged)])
                changes[name] = merged
            else:
                changes[name] = stored(one, written[name])
        return changes

    def _save(self, kind: Kind, number: int, row: Row, *, user_id: int, at: str) -> None:
        row |= {"MODIFY_BY_ID": str(user_id), "DATE_MODIFY": at}
        row |= {f"HAS_{name}": "Y" if row.get(name) else "N" for name in ("PHONE", "EMAIL") if f"HAS_{name}" in row}
        if kind is Kind.LEAD:
            row["STATUS_SEMANTIC_ID"] = FINAL_STATUSES.get(row["STATUS_ID"] or "", "P")
            row["DATE_CLOSED"] = at if row["STATUS_SEMANTIC_ID"] != "P" else None
        if kind is Kind.DEAL:
            row["STAGE_SEMANTIC_ID"] = _deal_semantics(row["STAGE_ID"] or "")
            row["CLOSED"] = "N" if row["STAGE_SEMANTIC_ID"] == "P" else "Y"
        before = self.rows[kind].get(number, {})
        if (stage := STAGES.get(kind)) and row[stage] != before.get(stage):
            row |= {"MOVED_BY_ID": str(user_id), "MOVED_TIME": at}
        self._unindex(kind, number, before)
        self.rows[kind][number] = row
        for value in row.get("PHONE", ()):
            self.by_phone[normalise(value["VALUE"])].add((kind, number))

    def _unindex(self, kind: Kind, number: int, row: Row) -> None:
        for value in row.get("PHONE", ()):
            self.by_phone[normalise(value["VALUE"])].discard((kind, number))


def _deal_semantics(stage: str) -> str:
    return {"WON": "S", "LOSE": "F", "APOLOGY": "F"}.get(stage.rpartition(":")[2], "P")


@dataclass(slots=True)
class Activities:
    """What happened with the clients: rows by id, each bound to one or more of them."""

    rows: dict[int, Row] = field(default_factory=dict)
    last_id: int = 0

    def add(self, row: Row) -> int:
        self.last_id += 1
        self.rows[self.last_id] = {**row, "ID": str(self.last_id)}
        return self.last_id
