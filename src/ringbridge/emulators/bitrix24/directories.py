"""Sources, statuses, stages and pipelines.

Source: Bitrix24 REST docs, "crm.status.list" and "crm.category.list"; the values a new portal has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_DEFAULTS = {
    "SOURCE": (
        "CALL EMAIL WEB ADVERTISING PARTNER RECOMMENDATION TRADE_SHOW WEBFORM CALLBACK RC_GENERATOR STORE OTHER"
    ),
    "STATUS": "NEW IN_PROCESS PROCESSED JUNK CONVERTED",
    "DEAL_STAGE": "NEW PREPARATION PREPAYMENT_INVOICE EXECUTING FINAL_INVOICE WON LOSE APOLOGY",
    "DEAL_STAGE_1": "C1:NEW C1:PREPARATION C1:EXECUTING C1:WON C1:LOSE",
    "CONTACT_TYPE": "CLIENT SUPPLIER PARTNER OTHER",
    "COMPANY_TYPE": "CUSTOMER SUPPLIER COMPETITOR PARTNER OTHER",
    "DEAL_TYPE": "SALE COMPLEX GOODS SERVICES SERVICE",
    "INDUSTRY": "IT TELECOM MANUFACTURING BANKING CONSULTING FINANCE GOVERNMENT OTHER",
    "EMPLOYEES": "EMPLOYEES_1 EMPLOYEES_2 EMPLOYEES_3 EMPLOYEES_4",
    "HONORIFIC": "HNR_RU_1 HNR_RU_2",
    "CALL_LIST": "IN_WORK SUCCESS WRONG_NUMBER",
}
_SUCCESS, _FAILURE, _APOLOGY = {"WON", "CONVERTED"}, {"LOSE", "JUNK"}, {"APOLOGY"}
_WITH_SEMANTICS = ("STATUS", "DEAL_STAGE")


def _statuses() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for entity, values in _DEFAULTS.items():
        for sort, value in enumerate(values.split(), start=1):
            rows.append(_status(len(rows) + 1, entity, value, sort * 10))
    return rows


def _status(number: int, entity: str, value: str, sort: int) -> dict[str, Any]:
    bare = value.rpartition(":")[2]
    final = {**dict.fromkeys(_SUCCESS, "S"), **dict.fromkeys(_FAILURE | _APOLOGY, "F")}.get(bare)
    name = bare.replace("_", " ").capitalize()
    row: dict[str, Any] = {
        "ID": str(number),
        "ENTITY_ID": entity,
        "STATUS_ID": value,
        "NAME": name,
        "NAME_INIT": name,
        "SORT": str(sort),
        "SYSTEM": "Y",
        "CATEGORY_ID": "1" if value.startswith("C1:") else None,
        "COLOR": None,
        "SEMANTICS": None,
    }
    if entity.startswith(_WITH_SEMANTICS):
        word = {None: "process", "S": "success", "F": "failure"}[final]
        row["SEMANTICS"] = final
        row["EXTRA"] = {"SEMANTICS": "apology" if bare in _APOLOGY else word, "COLOR": None}
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    id: int
    name: str
    sort: int

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "sort": self.sort,
            "entityTypeId": 2,
            "isDefault": "N" if self.id else "Y",
            "originId": "",
            "originatorId": "",
        }


@dataclass(slots=True)
class Directories:
    statuses: list[dict[str, Any]] = field(default_factory=_statuses)
    pipelines: list[Pipeline] = field(
        default_factory=lambda: [Pipeline(id=0, name="General", sort=100), Pipeline(id=1, name="Sales", sort=200)]
    )

    def has(self, entity: str, value: str) -> bool:
        return any(row["ENTITY_ID"] == entity and row["STATUS_ID"] == value for row in self.statuses)
