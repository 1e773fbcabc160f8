"""The fields of the four classic CRM objects, and how a written value becomes a stored one.

Source: Bitrix24 REST docs, "Main entities fields" and the `crm.*.fields` pages. Values are stored as they are read
back: strings or null, flags Y and N, money with two decimals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ringbridge.emulators.bitrix24.refusals import Refusal
from ringbridge.emulators.bitrix24.wire import Params, many, mapping, text, truthy

MULTI_FIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")


class Kind(StrEnum):
    LEAD = "LEAD"
    DEAL = "DEAL"
    CONTACT = "CONTACT"
    COMPANY = "COMPANY"


TYPE_IDS = {Kind.LEAD: 1, Kind.DEAL: 2, Kind.CONTACT: 3, Kind.COMPANY: 4}
KINDS = {number: kind for kind, number in TYPE_IDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    name: str
    type: str
    read_only: bool = False
    default: str | None = None

    def describe(self) -> Params:
        """What `crm.*.fields` says of it."""
        return {
            "type": self.type,
            "isRequired": False,
            "isReadOnly": self.read_only,
            "isImmutable": False,
            "isMultiple": self.type == "crm_multifield",
            "isDynamic": self.name.startswith("UF_"),
            "title": self.name.replace("_", " ").capitalize(),
        }


def _parse(table: str) -> dict[str, Field]:
    """`NAME:type`, with `!` behind a read-only one and `=value` behind a default; string when no type is given."""
    fields = {}
    for word in table.split():
        word, _, default = word.partition("=")
        name, _, kind = word.rstrip("!").partition(":")
        read_only = word.endswith("!")
        fields[name] = Field(name=name, type=kind or "string", read_only=read_only, default=default or None)
    return fields


_COMMON = """
ID:integer! CREATED_BY_ID:user! MODIFY_BY_ID:user! DATE_CREATE:datetime! DATE_MODIFY:datetime! ASSIGNED_BY_ID:user
OPENED:char=N COMMENTS ORIGINATOR_ID ORIGIN_ID UTM_SOURCE UTM_MEDIUM UTM_CAMPAIGN UTM_CONTENT UTM_TERM
LAST_ACTIVITY_BY:user! LAST_ACTIVITY_TIME:datetime!
"""
_ADDRESS = """
ADDRESS ADDRESS_2 ADDRESS_CITY ADDRESS_POSTAL_CODE ADDRESS_REGION ADDRESS_PROVINCE ADDRESS_COUNTRY
HAS_PHONE:char!=N HAS_EMAIL:char!=N HAS_IMOL:char!=N
PHONE:crm_multifield EMAIL:crm_multifield WEB:crm_multifield IM:crm_multifield LINK:crm_multifield
"""
_PERSON = "HONORIFIC:crm_status NAME SECOND_NAME LAST_NAME POST BIRTHDATE:date"
_SOURCE = "SOURCE_ID:crm_status SOURCE_DESCRIPTION"
_MONEY = "CURRENCY_ID:crm_currency=RUB OPPORTUNITY:double=0.00 IS_MANUAL_OPPORTUNITY:char=N"

FIELDS = {
    Kind.LEAD: _parse(
        f"""{_COMMON} {_ADDRESS} {_PERSON} {_SOURCE} {_MONEY} TITLE COMPANY_TITLE COMPANY_ID:crm_company
        CONTACT_ID:crm_contact CONTACT_IDS:crm_contact IS_RETURN_CUSTOMER:char=N STATUS_ID:crm_status=NEW
        STATUS_DESCRIPTION STATUS_SEMANTIC_ID!=P MOVED_BY_ID:user! MOVED_TIME:datetime! DATE_CLOSED:datetime!"""
    ),
    Kind.CONTACT: _parse(
        f"""{_COMMON} {_ADDRESS} {_PERSON} {_SOURCE} PHOTO:file LEAD_ID:crm_lead TYPE_ID:crm_status=CLIENT
        COMPANY_ID:crm_company COMPANY_IDS:crm_company EXPORT:char=Y ORIGIN_VERSION FACE_ID:integer"""
    ),
    Kind.COMPANY: _parse(
        f"""{_COMMON} {_ADDRESS} TITLE COMPANY_TYPE:crm_status=CUSTOMER INDUSTRY:crm_status EMPLOYEES:crm_status
        REVENUE:double=0.00 CURRENCY_ID:crm_currency=RUB LOGO:file LEAD_ID:crm_lead IS_MY_COMPANY:char=N
        BANKING_DETAILS REG_ADDRESS"""
    ),
    Kind.DEAL: _parse(
        f"""{_COMMON} {_SOURCE} {_MONEY} TITLE TYPE_ID:crm_status=SALE CATEGORY_ID:crm_category=0
        STAGE_ID:crm_status=NEW STAGE_SEMANTIC_ID!=P PROBABILITY:integer TAX_VALUE:double=0.00 LEAD_ID:crm_lead
        COMPANY_ID:crm_company CONTACT_ID:crm_contact CONTACT_IDS:crm_contact QUOTE_ID:crm_quote BEGINDATE:date
        CLOSEDATE:date CLOSED:char=N ADDITIONAL_INFO IS_NEW:char=Y IS_RECURRING:char=N IS_RETURN_CUSTOMER:char=N
        IS_REPEATED_APPROACH:char=N MOVED_BY_ID:user! MOVED_TIME:datetime! TRACE"""
    ),
}

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def stored(field: Field, value: Any) -> Any:
    """One scalar as it will be read back."""
    if isinstance(value, list | dict):
        return [text(item) for item in many(value)]
    if field.type == "char":
        return "Y" if value is True or text(value).upper() == "Y" or value == 1 else "N"
    if field.type == "double":
        return f"{_number(value):.2f}"
    return None if value is None or value is False else text(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def merge_multi_field(name: str, old: list[Params], written: Any, next_id: int) -> list[Params]:
    """A multi-field after an update: items with `ID` change or, emptied or with `DELETE`, go; items without are added.

    Raises `Refusal` for an e-mail address that is none.
    """
    rows = {row["ID"]: dict(row) for row in old}
    for item in many(written):
        item = mapping(item) or {"VALUE": item}
        value, row_id = text(item.get("VALUE")).strip(), text(item.get("ID"))
        if row_id in rows:
            if text(item.get("DELETE")).upper() == "Y" or ("VALUE" in item and not value):
                del rows[row_id]
                continue
            rows[row_id]["VALUE"] = value or rows[row_id]["VALUE"]
            rows[row_id]["VALUE_TYPE"] = text(item.get("VALUE_TYPE")) or rows[row_id]["VALUE_TYPE"]
        elif value and not truthy(row_id):
            _check(name, value)
            value_type = text(item.get("VALUE_TYPE")) or "WORK"
            rows[str(next_id)] = {"ID": str(next_id), "VALUE_TYPE": value_type, "VALUE": value, "TYPE_ID": name}
            next_id += 1
    return list(rows.values())


def _check(name: str, value: str) -> None:
    if name == "EMAIL" and not _EMAIL.fullmatch(value):
        raise Refusal("ERROR_CORE", f"Invalid e-mail address: {value}")
