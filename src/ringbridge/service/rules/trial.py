"""Rules tried on a call, with nothing sent: which row decided what, and why the others did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from ringbridge.routing.intents import Intent
from ringbridge.routing.office import Portal
from ringbridge.routing.records import intents_of
from ringbridge.routing.rules import Answers, CallFacts, Decision, conditions, decide
from ringbridge.telephony.events import CallEnded
from ringbridge.telephony.model import (
    Call,
    CallId,
    Direction,
    Disposition,
    Extension,
    Leg,
    LegResult,
    Talk,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagined:
    """A made-up call, as far as rules look at it."""

    direction: Direction = Direction.INBOUND
    result: Disposition = Disposition.ANSWERED
    number: str | None = None
    trunk: str | None = None
    did: str | None = None
    queue: str | None = None
    extensions: tuple[str, ...] = ()
    at: datetime | None = None

    def call(self) -> Call:
        """Its phones rang ten seconds; an answered one was spoken to for a minute by the last of them."""
        start = self.at or datetime.now(UTC)
        end = start + timedelta(seconds=70)
        answered = self.result is Disposition.ANSWERED
        phones = [Extension(phone) for phone in self.extensions]
        legs = tuple(
            Leg(extension=phone, channel=f"try-{n}", ring_start=start, end=end, result=LegResult.NO_ANSWER)
            for n, phone in enumerate(phones)
        )
        talks = (
            (Talk(extension=phones[-1], start=start + timedelta(seconds=10), end=end),) if answered and phones else ()
        )
        return Call(
            id=CallId("try"),
            direction=self.direction,
            start=start,
            end=end,
            external=self.number,
            trunk=self.trunk,
            did=self.did,
            queue=self.queue,
            caller=phones[0] if phones and self.direction is Direction.OUTBOUND else None,
            legs=legs if self.direction is Direction.INBOUND else (),
            talks=talks,
            disposition=self.result,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the rules of one portal make of a call."""

    portal: Portal
    facts: CallFacts
    decision: Decision
    intents: tuple[Intent, ...]


def try_rules(portal: Portal, call: Call, known: bool | None = None) -> Trial:
    """As it would be decided at the call's end."""
    facts = portal.facts_of(call, known)
    intents, _ = intents_of(CallEnded(call=call, at=call.end or call.start), portal, "try", known)
    return Trial(portal=portal, facts=facts, decision=decide(portal.rules, facts), intents=tuple(intents))


def told(trial: Trial) -> Iterator[str]:
    """Lines for people."""
    yield f"Portal {trial.portal.id}"
    yield "  Rows, in order:"
    for number, rule in enumerate(trial.portal.rules, start=1):
        failed = [name for name, holds in conditions(rule, trial.facts).items() if not holds]
        verdict = "matches" if not failed else f"does not match: {', '.join(failed)}"
        yield f"    {number}. {rule.name}: {verdict}"
    if not trial.portal.rules:
        yield "    none; the defaults answer everything"
    yield "  Answers, each by the first matching row that gives it:"
    for question in fields(Answers):
        answer = getattr(trial.decision, question.name)
        yield f"    {question.name:10} {plain(answer):40} by {trial.decision.because[question.name]!r}"
    yield "  The portal would be told:" if trial.intents else "  The portal would be told nothing."
    for intent in trial.intents:
        yield f"    {type(intent).__name__}: {details(intent)}"


def details(intent: Intent) -> str:
    shown = [field.name for field in fields(intent) if field.name not in {"record", "call"}]
    values = [(name, getattr(intent, name)) for name in shown]
    return ", ".join(f"{name}={plain(value)}" for name, value in values if value not in (None, "", (), False))


def plain(value: Any) -> str:
    match value:
        case Enum():
            return str(value.value)
        case datetime():
            return value.isoformat(timespec="seconds")
        case tuple():
            return ", ".join(map(plain, value)) or "-"
        case None | "":
            return "-"
    if hasattr(value, "__dataclass_fields__"):
        parts = ((field.name, getattr(value, field.name)) for field in fields(value))
        return "(" + ", ".join(f"{name} {plain(part)}" for name, part in parts if part not in ("", ())) + ")"
    return str(value)
