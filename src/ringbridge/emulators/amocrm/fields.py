"""Custom fields: which there are, and what their values may be.

Source: amoCRM API v4, "Custom fields": PHONE and EMAIL are fields of type `multitext` whose values have a kind
(`enum_code`); an update replaces the whole list of values of each field that it mentions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ringbridge.emulators.amocrm.problems import Violation, missing, not_a_choice, not_expected, wrong_type

PHONE_KINDS = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
EMAIL_KINDS = ("WORK", "PRIV", "OTHER")
_TEXTS = frozenset({"text", "textarea", "url", "streetaddress", "multitext"})
_CHOICES = frozenset({"select", "multiselect", "radiobutton"})
TYPES = _TEXTS | _CHOICES | {"numeric", "checkbox", "date", "date_time", "tracking_data"}
_MOST_VALUES = 40

Values = list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class CustomField:
    id: int
    entity: str  # "contacts"
    name: str
    code: str | None = None
    type: str = "text"
    enums: dict[int, str] = field(default_factory=dict)  # id -> code of a multitext, value of a select
    sort: int = 500

    def row(self, account_id: int) -> dict[str, Any]:
        enums = [{"id": number, "value": text, "sort": at} for at, (number, text) in enumerate(self.enums.items())]
        return {
            "id": self.id,
            "name": self.name,
            "code": self.code,
            "type": self.type,
            "entity_type": self.entity,
            "sort": self.sort,
            "is_api_only": False,
            "is_predefined": self.code in {"PHONE", "EMAIL", "POSITION"},
            "group_id": None,
            "required_statuses": [],
            "enums": enums or None,
            "account_id": account_id,
        }

    def enum_id(self, value: dict[str, Any]) -> int | None:
        """The kind or choice that a value names; None when it names none, or one that is not there."""
        by_text = {text: number for number, text in self.enums.items()}
        if "enum_id" in value:
            return value["enum_id"] if value["enum_id"] in self.enums else None
        named = value.get("enum_code") if self.type == "multitext" else value.get("value")
        return by_text.get(named) if isinstance(named, str) else None


@dataclass(slots=True, kw_only=True)
class Fields:
    rows: dict[int, CustomField] = field(default_factory=dict)

    def of(self, entity: str) -> list[CustomField]:
        return [one for one in self.rows.values() if one.entity == entity]

    def by_code(self, entity: str, code: str) -> CustomField | None:
        return next((one for one in self.of(entity) if one.code == code), None)

    def named(self, entity: str, item: dict[str, Any]) -> CustomField | None:
        """The field that a `custom_fields_values` item means, by `field_id` or `field_code`."""
        if "field_id" in item:
            found = self.rows.get(item["field_id"]) if isinstance(item["field_id"], int) else None
            return found if found and found.entity == entity else None
        code = item.get("field_code")
        return self.by_code(entity, code) if isinstance(code, str) else None

    def check(self, entity: str, given: Any) -> list[Violation]:
        if given is None:
            return []
        if not isinstance(given, list):
            return [wrong_type("", "array")]
        found = [one.under(str(at)) for at, item in enumerate(given) for one in self._check_item(entity, item)]
        if len(given) > _MOST_VALUES:
            found.append(Violation(code="TooMany", path="", detail=f"At most {_MOST_VALUES} fields."))
        return found

    def _check_item(self, entity: str, item: Any) -> list[Violation]:
        if not isinstance(item, dict):
            return [wrong_type("", "array")]
        key = "field_id" if "field_id" in item else "field_code"
        if key not in item:
            return [missing("field_id")]
        known = self.named(entity, item)
        if known is None:
            return [not_a_choice(key)]
        values = item.get("values")
        if values is None and "values" in item:
            return []
        if not isinstance(values, list):
            return [missing("values") if values is None else wrong_type("values", "array")]
        return [one.under(f"values.{at}") for at, value in enumerate(values) for one in _check_value(known, value)]

    def stored(self, entity: str, given: Sequence[dict[str, Any]] | None) -> dict[int, Values]:
        """Checked values by field id; an empty list takes the field's values away."""
        taken: dict[int, Values] = {}
        for item in given or ():
            known = self.named(entity, item)
            if known is not None:
                taken[known.id] = [_stored(known, value) for value in item.get("values") or ()]
        return taken

    def written(self, values: dict[int, Values]) -> list[dict[str, Any]] | None:
        """As an entity shows them; None when there are none."""
        rows = []
        for number, kept in values.items():
            known = self.rows.get(number)
            if known is None or not kept:
                continue
            rows.append(
                {
                    "field_id": known.id,
                    "field_name": known.name,
                    "field_code": known.code,
                    "field_type": known.type,
                    "values": [dict(one) for one in kept],
                }
            )
        return rows or None


def _check_value(known: CustomField, value: Any) -> list[Violation]:
    if not isinstance(value, dict):
        return [wrong_type("", "array")]
    enums = known.type == "multitext" or known.type in _CHOICES
    found = [not_expected(key) for key in value if key not in {"value", *(("enum_id", "enum_code") if enums else ())}]
    named = {"enum_id", "enum_code"} & set(value) or ({"value"} if known.type in _CHOICES else set())
    if known.type not in _CHOICES and "value" not in value:
        found.append(missing("value"))
    if named and known.enum_id(value) is None:
        found.append(not_a_choice(sorted(named)[0]))
    content = value.get("value")
    if known.type in _TEXTS and content is not None and not isinstance(content, str):
        found.append(wrong_type("value", "string"))
    if known.type == "numeric" and isinstance(content, bool | list | dict):
        found.append(wrong_type("value", "numeric"))
    if known.type == "checkbox" and not isinstance(content, bool):
        found.append(wrong_type("value", "bool"))
    if known.type in {"date", "date_time"} and not isinstance(content, int | str):
        found.append(Violation(code="InvalidDateTime", path="value", detail="This value is not a valid datetime."))
    return found


def _stored(known: CustomField, value: dict[str, Any]) -> dict[str, Any]:
    number = known.enum_id(value)
    if known.type == "multitext":
        if number is None:
            number = next(iter(known.enums), None)
        return {"value": value["value"], "enum_id": number, "enum_code": known.enums.get(number or 0)}
    if known.type in _CHOICES and number is not None:
        return {"value": known.enums[number], "enum_id": number, "enum_code": None}
    return {"value": value.get("value")}
