"""The employees, as far as calls are dealt out among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from ringbridge.routing.intents import PortalId, UserId


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Colleague:
    """One of us. Two are the same only if they are the same object."""

    name: str
    phones: tuple[str, ...] = ()  # extensions, in the order in which they ring
    mobiles: Mapping[str, str] = field(default_factory=dict)  # E.164 -> as the dialplan dials it; they call from there
    users: Mapping[PortalId, UserId] = field(default_factory=dict)
    departments: frozenset[tuple[PortalId, str]] = frozenset()
    deputy: str = ""  # a phone of who stands in for them
    group: str = ""  # ring group or queue that stands in for them
    absent_from: date | None = None  # the first day away; None, and there is a last one: away already
    absent_until: date | None = None  # the last day away; None, and there is a first one: away for good
    off_shift: bool = False  # the CRM says that their working day is over, or interrupted
    dismissed: bool = False

    def absent_on(self, day: date) -> bool:
        begins, ends = self.absent_from, self.absent_until
        return (begins or ends) is not None and (begins is None or begins <= day) and (ends is None or day <= ends)


class Team:
    """Finds an employee by what is known of them. A phone or a user that two claim is the first one's alone."""

    def __init__(self, colleagues: Iterable[Colleague] = ()) -> None:
        self._all: list[Colleague] = []
        self._by_phone: dict[str, Colleague] = {}
        self._by_mobile: dict[str, Colleague] = {}
        self._by_user: dict[tuple[PortalId, UserId], Colleague] = {}
        for one in colleagues:
            self._enter(one)

    def _enter(self, one: Colleague) -> None:
        own = tuple(phone for phone in dict.fromkeys(one.phones) if phone and phone not in self._by_phone)
        mobiles = {mobile: dialled for mobile, dialled in one.mobiles.items() if mobile not in self._by_mobile}
        one = replace(one, phones=own, mobiles=mobiles)
        self._all.append(one)
        self._by_phone |= dict.fromkeys(own, one)
        self._by_mobile |= dict.fromkeys((*mobiles, *mobiles.values()), one)
        for entry in one.users.items():
            self._by_user.setdefault(entry, one)

    @property
    def phones(self) -> frozenset[str]:
        return frozenset(self._by_phone)

    def holder(self, phone: str) -> Colleague | None:
        return self._by_phone.get(phone)

    def user(self, portal: PortalId, user: UserId) -> Colleague | None:
        return self._by_user.get((portal, user))

    def owner_of_mobile(self, number: str) -> Colleague | None:
        """`number`: as E.164, or as the dialplan dials it."""
        return self._by_mobile.get(number)

    def beside(self, colleague: Colleague) -> tuple[Colleague, ...]:
        """Who works in one of their departments."""
        return tuple(
            one for one in self._all if one is not colleague and not one.departments.isdisjoint(colleague.departments)
        )
