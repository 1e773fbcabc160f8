"""Fewer requests for the same result: what a batch of deliveries comes down to.

A queue that rings twenty phones makes twenty cards to open and, a moment later, nineteen to close. Only what a card
should be in the end matters to the person before it, so a run of card steps of one record becomes at most one
`ShowCard` and one `HideCard`: for each user the last word counts. What was opened and closed before anything was sent
needs no request at all, and a call that is over when it is registered opens no card any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ringbridge.crm.contract import Step
from ringbridge.delivery.policy import Delivery, DeliveryId
from ringbridge.routing.intents import FinishCall, HideCard, RegisterCall, ShowCard, UserId

OVER = "not sent: the call was over already"
OVERTAKEN = "not sent: the card was opened and closed, or closed and opened, before it could be"
NEVER = "not sent: no card of this call was ever opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One step to carry out, and the deliveries that are settled with its answer."""

    step: Step
    settles: tuple[DeliveryId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    errands: tuple[Errand, ...]
    needless: dict[DeliveryId, str]  # done without a request: why


def coalesce(deliveries: Sequence[Delivery]) -> Plan:
    """Plan a batch. The deliveries of one record are in their order; so are its errands."""
    errands: list[Errand] = []
    needless: dict[DeliveryId, str] = {}
    records: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        records.setdefault(delivery.intent.record, []).append(delivery)
    for rows in records.values():
        found, spared = coalesce_record(rows)
        errands += found
        needless |= spared
    return Plan(errands=tuple(errands), needless=needless)


def coalesce_record(rows: Sequence[Delivery]) -> tuple[list[Errand], dict[DeliveryId, str]]:
    cards = Cards(
        over=any(isinstance(row.intent, FinishCall) for row in rows),
        fresh=any(isinstance(row.intent, RegisterCall) and not row.uncertain for row in rows),
        known=any(row.facts for row in rows),
    )
    errands: list[Errand] = []
    needless: dict[DeliveryId, str] = {}
    for is_card, run in groupby(rows, key=lambda row: isinstance(row.intent, ShowCard | HideCard)):
        if is_card:
            found, spared = cards.settle(list(run))
            errands += found
            needless |= spared
        else:
            errands += [Errand(step=cards.pass_by(row), settles=(row.id,)) for row in run]
    return errands, needless


class Cards:
    """The cards of one record, as this batch goes along.

    `over`: the record's finish is in the batch. `fresh`: so is its registration, so nothing of it was sent before.
    `known`: it is registered, or will be by what is before; a call that rang while nobody listened is neither when
    its phones fall silent.
    """

    def __init__(self, *, over: bool, fresh: bool, known: bool) -> None:
        self.over = over
        self.fresh = fresh
        self.known = known
        self._opened: set[UserId] = set()  # in this batch

    def pass_by(self, row: Delivery) -> Step:
        """The step of a row that is no card; a registration opens one."""
        intent = row.intent
        if isinstance(intent, RegisterCall):
            self.known = True
            if self.over:
                intent = replace(intent, show=False, live=False)
            elif intent.show:
                self._opened.add(intent.user)
        return Step(intent=intent, facts=row.facts, uncertain=row.uncertain)

    def settle(self, run: Sequence[Delivery]) -> tuple[list[Errand], dict[DeliveryId, str]]:
        last_word = {user: type(row.intent) for row in run for user in users_of(row)}
        show = [user for user, word in last_word.items() if word is ShowCard and not self.over]
        doubtful = {user for row in run if row.uncertain for user in users_of(row)}
        hide = [
            user
            for user, word in last_word.items()
            if word is HideCard and self.known and (not self.fresh or user in self._opened or user in doubtful)
        ]
        self._opened = (self._opened | set(show)) - set(hide)
        why = OVER if self.over else OVERTAKEN if self.known else NEVER
        needless = {row.id: why for row in run}
        errands = [*errand(run, ShowCard, show), *errand(run, HideCard, hide)]
        for id_ in (i for e in errands for i in e.settles):
            del needless[id_]
        return errands, needless


def errand(run: Sequence[Delivery], kind: type[ShowCard | HideCard], users: Sequence[UserId]) -> Iterable[Errand]:
    """One command for all `users`, in the name of the rows of this kind that spoke of any of them."""
    rows = [row for row in run if isinstance(row.intent, kind) and not set(users).isdisjoint(users_of(row))]
    if rows:
        intent = replace(rows[0].intent, users=tuple(users))  # type: ignore[call-arg]
        step = Step(intent=intent, facts=rows[0].facts, uncertain=any(row.uncertain for row in rows))
        yield Errand(step=step, settles=tuple(row.id for row in rows))


def users_of(row: Delivery) -> tuple[UserId, ...]:
    return row.intent.users if isinstance(row.intent, ShowCard | HideCard) else ()
