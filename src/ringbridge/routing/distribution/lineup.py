"""The phones that will ring, one after another: each once, none that cannot be rung."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ringbridge.routing.distribution.policy import Mobiles, Policy, Unreachable
from ringbridge.routing.distribution.question import Availability, Hop, HopKind, LastTalk, Reach, Reason, Rejected
from ringbridge.routing.distribution.team import Colleague, Team
from ringbridge.routing.intents import PortalId


class Lineup:
    """Who is added rings, unless something speaks against it: then `skipped` says what, by phone. `caller` is the one
    of us who calls from their mobile."""

    def __init__(
        self,
        team: Team,
        availability: Availability,
        policy: Policy,
        now: datetime,
        *,
        caller: Colleague | None = None,
        rejected: Iterable[Rejected] = (),
    ) -> None:
        self._team, self._availability, self._policy = team, availability, policy
        self._today = now.astimezone(policy.zone).date()
        self._caller = caller
        self._unwilling = {one.extension for one in rejected if now - one.at <= policy.rejected_within}
        self.hops: list[Hop] = []
        self.skipped: dict[str, str] = {}
        self._people: list[Colleague] = []

    @property
    def is_full(self) -> bool:
        """No more people ring; a group still may."""
        return len(self._people) >= self._policy.most_people

    def add(self, one: Colleague, reason: Reason, portal: PortalId | None = None) -> bool:
        """Whether one of their phones rings now or did already."""
        if one in self._people:
            return True
        if self.is_full:
            return False
        if obstacle := self.obstacle(one):
            self._skip(one.phones, f"{one.name}: {obstacle}")
            return False
        silent = self._silent(one)
        self._skip(silent, f"{one.name}: not registered")
        user = one.users.get(portal) if portal else next(iter(one.users.values()), None)
        ringing = [(phone, HopKind.PHONE) for phone in one.phones if phone not in silent]
        ringing += [(mobile, HopKind.MOBILE) for mobile in self._mobiles(one)]
        self.hops += [
            Hop(extension=phone, seconds=self._policy.ring_seconds, reason=reason, user=user, kind=kind)
            for phone, kind in ringing
        ]
        self._people.append(one)
        return True

    def add_extension(self, extension: str, reason: Reason, portal: PortalId | None = None) -> bool:
        """Somebody's phone, or else a ring group or queue. One where everybody is busy is rung: there one waits."""
        if not extension:
            return False
        if holder := self._team.holder(extension):
            return self.add(holder, reason, portal)
        if any(hop.extension == extension for hop in self.hops):
            return True
        if obstacle := self._obstacle_of_group(extension):
            self._skip([extension], obstacle)
            return False
        seconds = self._policy.group_seconds
        self.hops.append(Hop(extension=extension, seconds=seconds, reason=reason, kind=HopKind.GROUP))
        return True

    def add_latest(self, talk: LastTalk, now: datetime, portal: PortalId | None) -> bool:
        holder = self._team.holder(talk.extension) or self._team.owner_of_mobile(talk.extension)
        lately = now - talk.at <= self._policy.last_spoke_within
        return lately and holder is not None and self.add(holder, Reason.LAST_SPOKE, portal)

    def obstacle(self, one: Colleague) -> str:
        """Why this colleague cannot be rung, in words; empty if they can be."""
        reaches = [self._availability.reach(phone) for phone in one.phones]
        mobiles = self._mobiles(one)
        skips_busy, skips_off_shift = (
            choice is Unreachable.SKIP for choice in (self._policy.busy, self._policy.off_shift)
        )
        against = {
            "has no phone": not (one.phones or mobiles),
            "is dismissed": one.dismissed,
            "is the caller": one is self._caller,
            "is absent": one.absent_on(self._today),
            "is off shift": one.off_shift and skips_off_shift,
            "did not take this call a moment ago": not self._unwilling.isdisjoint((*one.phones, *mobiles)),
            "in another call": Reach.BUSY in reaches and skips_busy,
            "not registered": not mobiles and all(reach is Reach.ABSENT for reach in reaches),
        }
        return next((words for words, holds in against.items() if holds), "")

    def is_free(self, one: Colleague) -> bool:
        """Surely, and not only perhaps."""
        return any(self._availability.reach(phone) is Reach.FREE for phone in one.phones)

    def _obstacle_of_group(self, extension: str) -> str:
        if extension in self._unwilling:
            return "nobody there took this call a moment ago"
        return "nobody takes calls there" if self._availability.reach(extension) is Reach.ABSENT else ""

    def may_be_rung(self, one: Colleague) -> bool:
        """Whether anything of theirs is known that could ring, if nothing speaks against it."""
        return bool(one.phones) or bool(self._mobiles(one))

    def _mobiles(self, one: Colleague) -> list[str]:
        match self._policy.mobiles:
            case Mobiles.NEVER:
                return []
            case Mobiles.INSTEAD if len(self._silent(one)) < len(one.phones):
                return []
        return list(dict.fromkeys(one.mobiles.values()))

    def _silent(self, one: Colleague) -> list[str]:
        return [phone for phone in one.phones if self._availability.reach(phone) is Reach.ABSENT]

    def _skip(self, phones: Iterable[str], why: str) -> None:
        for phone in phones:
            self.skipped.setdefault(phone, why)
