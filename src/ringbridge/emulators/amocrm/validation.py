"""What the items of a request must look like. Pure: a table of rules per method, and what breaks them.

Source: amoCRM API v4: a violation has a code, a dotted path and a text, and one of them refuses the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ringbridge.emulators.amocrm.problems import Violation, missing, not_a_choice, not_expected, wrong_type

Rule = Callable[[Any], list[Violation]]
"""What is wrong with a value; paths are relative to it."""

_LARGEST = 2**31 * 2


def text(*, longest: int = 65535, blank: bool = True) -> Rule:
    def rule(value: Any) -> list[Violation]:
        if not isinstance(value, str):
            return [wrong_type("", "string")]
        if not blank and not value.strip():
            return [Violation(code="NotBlank", path="", detail="This value should not be blank.")]
        if len(value) > longest:
            detail = f"This value is too long. It should have {longest} characters or less."
            return [Violation(code="TooLong", path="", detail=detail)]
        return []

    return rule


def whole(*, least: int = 0) -> Rule:
    def rule(value: Any) -> list[Violation]:
        if isinstance(value, bool) or not isinstance(value, int):
            return [wrong_type("", "int")]
        if not least <= value <= _LARGEST:
            detail = f"This value should be between {least} and {_LARGEST}."
            return [Violation(code="NotInRange", path="", detail=detail)]
        return []

    return rule


def flag(value: Any) -> list[Violation]:
    return [] if isinstance(value, bool) else [wrong_type("", "bool")]


def mapping(value: Any) -> list[Violation]:
    return [] if isinstance(value, dict) else [wrong_type("", "array")]


def anything(_: Any) -> list[Violation]:
    return []


def either(*rules: Rule) -> Rule:
    """Any of the rules will do; the first one's complaint is told."""

    def rule(value: Any) -> list[Violation]:
        found = [one(value) for one in rules]
        return [] if not all(found) else found[0]

    return rule


def nullable(rule: Rule) -> Rule:
    return lambda value: [] if value is None else rule(value)


def one_of(allowed: Collection[Any] | Callable[[Any], bool]) -> Rule:
    def rule(value: Any) -> list[Violation]:
        try:
            good = allowed(value) if callable(allowed) else value in allowed
        except TypeError:  # a list or a map is no choice of anything
            good = False
        return [] if good else [not_a_choice("")]

    return rule


def every(rule: Rule, *, most: int | None = None) -> Rule:
    """A list, each of whose items keeps the rule."""

    def check_list(value: Any) -> list[Violation]:
        if not isinstance(value, list):
            return [wrong_type("", "array")]
        found = [one.under(str(at)) for at, item in enumerate(value) for one in rule(item)]
        if most is not None and len(value) > most:
            detail = f"This collection should contain {most} elements or less."
            found.append(Violation(code="TooMany", path="", detail=detail))
        return found

    return check_list


def item(fields: Mapping[str, Rule], *, required: Collection[str] = (), strict: bool = True) -> Rule:
    """A map with these fields; others are complained of where `strict`."""

    def check_item(value: Any) -> list[Violation]:
        if not isinstance(value, dict):
            return [wrong_type("", "array")]
        found = [missing(name) for name in required if value.get(name) is None]
        for name, content in value.items():
            if name in fields:
                found += [
                    one.under(name) for one in fields[name](content) if content is not None or name not in required
                ]
            elif strict:
                found.append(not_expected(name))
        return found

    return check_item
