"""From what happened on the phone to what a CRM is told. Pure, and without memory: each event carries the whole call.

Because nothing is remembered, the same step may be asked for again (every ring asks to register the call). A step's
key is the same each time, and what is on its way or done already is left alone.

A call has a record in the CRM from its first ring, or from its end if nobody was rung. Who takes the call over later
gets a record of their own when they begin to speak. All are finished when the call ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from ringbridge.routing.asked import seconds_among_colleagues, status_of_asked, why_not_reached
from ringbridge.routing.intents import (
    AdoptCall,
    AttachRecording,
    CloseTasks,
    CompleteActivity,
    Creation,
    FinishCall,
    HideCard,
    Intent,
    MakeTask,
    RecordKey,
    RecordKind,
    RegisterCall,
    ShowCard,
    UserId,
)
from ringbridge.routing.office import Portal, Transfers
from ringbridge.routing.results import CallStatus, status_of
from ringbridge.routing.rules import (
    Create,
    Decision,
    Responsible,
    Rule,
    TaskPlan,
    decide,
)
from ringbridge.routing.speakers import Speaker, recording_of, speakers_of
from ringbridge.routing.spread import deal
from ringbridge.routing.templates import fill, values_of
from ringbridge.telephony.events import CallAnswered, CallEnded, CallEvent, CallStarted, LegLeft, LegLost, LegRinging
from ringbridge.telephony.model import Call, Direction, Leg, Recording, Talk
from ringbridge.telephony.numbers import parse_number

WITHHELD = "anonymous"


def intents_of(
    event: CallEvent, portal: Portal, pbx: str, known: bool | None = None
) -> tuple[list[Intent], Decision | None]:
    """What this portal is to be told, and what the rules said; nothing for a call that does not concern a client. One
    that was asked for by a click in the portal is always told: it waits there for its end.

    `known`: whether this portal knows the client; None where that was not found out.
    """
    call = event.call
    adopted = portal.adopted_as(call) is not None
    if not call.concerns_client and not adopted:
        return [], None
    number = parse_number(call.external, portal.region)
    decision = decide(portal.rules, portal.facts_of(call, known))
    if not decision.register and not adopted:
        return [], decision
    teller = _Teller(call=call, portal=portal, pbx=pbx, decision=decision, number=str(number) if number else WITHHELD)
    match event:
        case CallStarted():
            return teller.started(), decision
        case LegRinging(leg=leg):
            return teller.ringing(leg), decision
        case LegLost(leg=leg) | LegLeft(leg=leg):
            return teller.lost(leg), decision
        case CallAnswered(talk=talk):
            return teller.answered(talk), decision
        case CallEnded():
            return teller.ended(), decision
    return [], decision


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    call: Call
    portal: Portal
    pbx: str
    decision: Decision
    number: str

    # While the call goes on

    def started(self) -> list[Intent]:
        if self.call.direction is not Direction.OUTBOUND or self.call.caller is None:
            return []
        return [self.register(1, self.portal.staff.user_or_default(self.call.caller), show=True)]

    def ringing(self, leg: Leg) -> list[Intent]:
        user = self.portal.staff.user_of(leg.extension)
        if self.call.direction is not Direction.INBOUND and not self.call.talks:
            return []  # the phone of the employee who calls: a click-to-call rings it first
        if user is None:
            return []
        return [
            self.register(1, user, show=False),
            ShowCard(record=self.record(1), call=self.call.id, users=(user,), ring=leg.channel),
        ]

    def lost(self, leg: Leg) -> list[Intent]:
        user = self.portal.staff.user_of(leg.extension)
        if user is None or user in self.busy_users():
            return []
        return [self.hide(self.card_of(user), user, leg.channel)]

    def hide(self, nth: int, user: UserId, ring: str) -> HideCard:
        return HideCard(record=self.record(nth), call=self.call.id, users=(user,), ring=ring)

    def card_of(self, user: UserId) -> int:
        """The record whose card this user has open: their own since they spoke, before that the first."""
        users = [speaker.user for speaker in self.speakers()]
        return users.index(user) + 1 if user in users else 1

    def busy_users(self) -> set[UserId | None]:
        """Whose card stays: they speak with the client, or another phone of theirs rings."""
        phones = [talk.extension for talk in self.call.talks if talk.end is None]
        return {self.portal.staff.user_of(phone) for phone in (*phones, *self.call.ringing)}

    def answered(self, talk: Talk) -> list[Intent]:
        user = self.portal.staff.user_or_default(talk.extension)
        nth = self.card_of(user)
        if nth > 1:
            # Who takes the call over has the card of their own record from now on, not the one that rang them.
            return [self.register(nth, user, show=True), self.hide(1, user, f"own-{nth}")]
        told: list[Intent] = [self.register(nth, user, show=False)]
        rung = {leg.extension for leg in self.call.legs}
        if self.call.direction is Direction.INBOUND and talk.extension not in rung:
            # A call picked up from a colleague's phone, or fetched from parking: this phone was never rung.
            told.append(ShowCard(record=self.record(1), call=self.call.id, users=(user,), ring=f"talk-{user}"))
        return told

    # At its end

    def ended(self) -> list[Intent]:
        speakers = self.speakers()
        if not speakers:
            return self.unanswered()
        told: list[Intent] = self.close_cards({speaker.user for speaker in speakers})
        for nth, speaker in enumerate(speakers, start=1):
            told.append(self.register(nth, speaker.user, show=False, live=False))
            told.append(self.finish(nth, speaker.user, speaker.seconds, recorded=self.recording(speaker) is not None))
        told += self.afterwards(speakers)
        for nth, speaker in enumerate(speakers, start=1):
            if recording := self.recording(speaker):
                told.append(self.attach(nth, speaker, recording))
        return told

    def recording(self, speaker: Speaker) -> Recording | None:
        return recording_of(self.call, speaker.talks) if self.decision.recording else None

    def afterwards(self, speakers: Sequence[Speaker]) -> list[Intent]:
        """What is written once the records are finished."""
        told: list[Intent] = []
        if text := self.fill(self.decision.activity):
            told += [
                CompleteActivity(record=self.record(nth), call=self.call.id, text=text)
                for nth in range(1, max(1, len(speakers)) + 1)
            ]
        if speakers and self.number != WITHHELD and makes_tasks(self.portal.rules):
            told.append(CloseTasks(record=self.record(1), call=self.call.id, number=self.number))
        return told

    def unanswered(self) -> list[Intent]:
        inbound = self.call.direction is Direction.INBOUND
        user, owner_first = self.missed_user() if inbound else (self.caller(), False)
        seconds = 0 if self.call.concerns_client else seconds_among_colleagues(self.call)
        told: list[Intent] = [
            self.register(1, user, show=False, live=False),
            self.finish(1, user, seconds, owner_first=owner_first),
        ]
        told += self.afterwards(())
        if inbound and self.decision.task is not None and self.number != WITHHELD:
            told.append(self.task(self.decision.task, user, owner_first=owner_first))
        return told

    def task(self, plan: TaskPlan, user: UserId, *, owner_first: bool) -> MakeTask:
        return MakeTask(
            record=self.record(1),
            call=self.call.id,
            number=self.number,
            responsible=user,
            owner_first=owner_first,
            title=self.fill(plan.title),
            text=self.fill(plan.text),
            deadline=self.portal.hours.after(self.call.end or self.call.start, plan.within),
        )

    def fill(self, template: str) -> str:
        if not template:
            return ""
        line = self.portal.line_of(self.call.trunk, self.call.did)
        return fill(template, values_of(self.call, self.portal.staff, line=line, zone=self.portal.hours.zone))

    def close_cards(self, speakers: Set[UserId]) -> list[Intent]:
        """Finishing a record closes the card of its own user; who was rung, answered and never had the client on the
        line has one as well."""
        rung = (self.portal.staff.user_of(leg.extension) for leg in self.call.legs if leg.answer is not None)
        users = tuple(dict.fromkeys(user for user in rung if user and user not in speakers))
        return [HideCard(record=self.record(1), call=self.call.id, users=users, ring="end")] if users else []

    def caller(self) -> UserId:
        return self.portal.staff.user_or_default(self.call.caller)

    def missed_user(self) -> tuple[UserId, bool]:
        """Whose a missed call is, and whether the client's owner goes before them."""
        owner_first = False
        for choice in self.decision.missed_to:
            if choice is Responsible.CLIENT_OWNER:
                owner_first = True
            elif (user := self.chosen(choice)) is not None:
                return user, owner_first
        return self.portal.staff.default, owner_first

    def chosen(self, choice: Responsible) -> UserId | None:
        """The user that one choice of an order means for this call; None where it means nobody."""
        staff = self.portal.staff
        rung = [user for leg in self.call.legs if (user := staff.user_of(leg.extension))]
        match choice:
            case Responsible.SPEAKER if self.call.talks:
                return staff.user_or_default(self.call.talks[0].extension)
            case Responsible.LAST_RUNG if rung:
                return rung[-1]
            case Responsible.FIRST_RUNG if rung:
                return rung[0]
            case Responsible.SPREAD if phone := deal(self.decision.spread, self.portal.dealt, self.call.id):
                return staff.user_of(phone)
            case Responsible.DEFAULT:
                return staff.default
        return None

    def speakers(self) -> list[Speaker]:
        return speakers_of(self.call, self.portal)

    # Steps

    def record(self, nth: int) -> RecordKey:
        base = f"{self.pbx}-{self.call.id}"
        return RecordKey(base if nth == 1 else f"{base}-{nth}")

    def register(self, nth: int, user: UserId, *, show: bool, live: bool = True) -> RegisterCall | AdoptCall:
        if nth == 1 and (call_id := self.portal.adopted_as(self.call)):
            return AdoptCall(record=self.record(1), call=self.call.id, call_id=call_id)
        kind = RecordKind.OUTBOUND if self.call.direction is Direction.OUTBOUND else RecordKind.INBOUND
        kind = RecordKind.CALLBACK if self.portal.is_ordered(self.call) else kind
        return RegisterCall(
            record=self.record(nth),
            call=self.call.id,
            kind=kind if nth == 1 else RecordKind.TRANSFERRED,
            number=self.number,
            user=user,
            started=self.begun(nth),
            line=self.portal.line_of(self.call.trunk, self.call.did),
            show=show,
            creation=self.creation() if nth == 1 else None,
            attach=self.decision.attach,
            live=live,
        )

    def creation(self) -> Creation | None:
        """Nothing is made of a number that nobody can call back."""
        if self.decision.create is Create.NOTHING or self.number == WITHHELD:
            return None
        return Creation(
            what=self.decision.create,
            source=self.decision.source,
            title=self.fill(self.decision.title),
            pipeline=self.decision.pipeline,
            stage=self.decision.stage,
            tags=self.decision.tags,
        )

    def begun(self, nth: int) -> datetime:
        """The call's beginning; for who took it over, the beginning of their talk."""
        if nth == 1 or self.portal.transfers is Transfers.SINGLE:
            return self.call.start
        return self.speakers()[nth - 1].talks[0].start

    def finish(
        self, nth: int, user: UserId, seconds: int, *, owner_first: bool = False, recorded: bool = False
    ) -> FinishCall:
        owner = next(filter(None, map(self.chosen, self.decision.new_to)), None) if nth == 1 else None
        return FinishCall(
            record=self.record(nth),
            call=self.call.id,
            user=user,
            duration=seconds,
            status=CallStatus.ANSWERED if seconds else self.failure(),
            reason=why_not_reached(self.call) if self.is_asked() else "",
            owner_first=owner_first,
            recorded=recorded,
            new_owner=owner if owner != user else None,
            attach=self.decision.attach,
        )

    def is_asked(self) -> bool:
        return self.portal.adopted_as(self.call) is not None or self.portal.is_ordered(self.call)

    def failure(self) -> CallStatus:
        ordered = self.portal.is_ordered(self.call)
        return status_of_asked(self.call, ordered=ordered) if self.is_asked() else status_of(self.call)

    def attach(self, nth: int, speaker: Speaker, recording: Recording) -> AttachRecording:
        return AttachRecording(
            record=self.record(nth),
            call=self.call.id,
            path=recording.path,
            channel=recording.channel,
            started=recording.start,
            duration=speaker.seconds,
        )


def dealt_to(call: Call, portal: Portal, decision: Decision) -> str | None:
    """The phone of the list whose turn this missed call was; None where no list decided."""
    if call.talks or call.direction is not Direction.INBOUND:
        return None
    teller = _Teller(call=call, portal=portal, pbx="", decision=decision, number="")
    for choice in decision.missed_to:
        if choice is Responsible.SPREAD:
            return deal(decision.spread, portal.dealt, call.id)
        if choice is not Responsible.CLIENT_OWNER and teller.chosen(choice) is not None:
            return None
    return None


def makes_tasks(rules: Iterable[Rule]) -> bool:
    return any(rule.answers.task for rule in rules)
