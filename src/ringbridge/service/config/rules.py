"""The part of the configuration that says what the CRMs are told of a call: rules, working hours."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from ringbridge.routing.hours import WorkingHours
from ringbridge.routing.rules import (
    Answers,
    Attach,
    CallbackPlan,
    ClientKnown,
    Create,
    Hours,
    Responsible,
    Rule,
    Spread,
    SpreadList,
    TaskPlan,
)
from ringbridge.routing.templates import check
from ringbridge.service.config.parts import Part, Patterns
from ringbridge.telephony.model import Direction, Disposition
from ringbridge.telephony.numbers import NumberPatterns, comparable, compile_patterns, is_pattern, parse_number

Template = Annotated[str, AfterValidator(check)]


class SpreadConfig(Part):
    extensions: tuple[str, ...] = Field(min_length=1, description="The employees among whom it is dealt, by a phone.")
    how: Spread = Field(Spread.ROUND_ROBIN, description="round_robin, random, or least_loaded: who got fewest today.")


class TaskConfig(Part):
    title: Template = Field(TaskPlan().title, description="Title of the task.")
    text: Template = Field(TaskPlan().text, description="Text of the task.")
    within_minutes: int = Field(60, ge=1, le=60 * 24 * 30, description="Deadline, in minutes of working time.")


class CallbackConfig(Part):
    after_seconds: int = Field(60, ge=0, le=24 * 3600, description="How long the client may try again by themselves.")
    to: str = Field(
        "",
        pattern=r"^[0-9]{0,6}$",
        description="Extension, group or queue that rings first; without it, whoever was called.",
    )
    again_minutes: int = Field(60, ge=1, le=7 * 24 * 60, description="A number is called back once within this time.")


class RuleRow(Part):
    name: str = Field(min_length=1, description="For people: the call's story names the row that decided.")
    direction: Literal["inbound", "outbound"] | None = Field(None, description="Only calls of this direction.")
    results: tuple[Disposition, ...] = Field((), description="Only calls that ended so.")
    trunks: tuple[str, ...] = Field((), description="Only calls by these trunks, or to these numbers of ours.")
    extensions: tuple[str, ...] = Field((), description="Only calls in which one of these phones had a part.")
    queues: tuple[str, ...] = Field((), description="Only calls that waited in one of these queues or groups.")
    numbers: Patterns = Field(
        (), description="Only calls with these clients' numbers, or patterns such as 8123456XXXX, where X is any digit."
    )
    client: ClientKnown | None = Field(None, description="known or unknown to the CRM; costs a request per call.")
    hours: Hours | None = Field(None, description="working or outside: when the call came, see [hours].")
    register_call: bool | None = Field(
        None, alias="register", description="Whether the CRM is told of the call at all."
    )
    create: Create | None = Field(
        None, description="What to make of an unknown number: nothing, client (as the CRM does it), lead, contact, …"
    )
    source: str | None = Field(None, description="Source of a client that is made (its id in the CRM).")
    title: Template | None = Field(None, description="Title of a lead or deal that is made.")
    pipeline: str | None = Field(None, description="Pipeline of a deal that is made (its id in the CRM).")
    stage: str | None = Field(None, description="Stage of a lead or deal that is made (its id in the CRM).")
    tags: tuple[str, ...] | None = Field(None, description="Tags of what is made, where the CRM has tags.")
    attach: Attach | None = Field(
        None, description="Of several clients with one number: first, or speakers (the one whose owner speaks)."
    )
    recording: bool | None = Field(None, description="Hand the recording to the CRM.")
    new_to: tuple[Responsible, ...] | None = Field(
        None, description="Whose a new client is, tried in this order: speaker, last_rung, first_rung, default."
    )
    missed_to: tuple[Responsible, ...] | None = Field(
        None,
        description="Whose a missed call is, tried in order: client_owner, last_rung, first_rung, spread, default.",
    )
    spread: SpreadConfig | None = Field(None, description='The list that missed_to = ["spread"] deals over.')
    task: TaskConfig | bool | None = Field(None, description="A task for a missed call: true, or its texts.")
    callback: CallbackConfig | bool | None = Field(
        None, description="Whether the office calls back who was missed: true, or how. See callback_retries."
    )
    activity: Template | None = Field(None, description="Text that completes the CRM's activity when the call ended.")

    def rule(self, region: str) -> Rule:
        return Rule(
            name=self.name,
            answers=Answers(
                register=self.register_call,
                create=self.create,
                source=self.source,
                title=self.title,
                pipeline=self.pipeline,
                stage=self.stage,
                tags=self.tags,
                attach=self.attach,
                recording=self.recording,
                new_to=self.new_to,
                missed_to=self.missed_to,
                spread=SpreadList(extensions=self.spread.extensions, how=self.spread.how) if self.spread else None,
                task=_plan(self.task),
                callback=_callback(self.callback),
                activity=self.activity,
            ),
            direction=Direction(self.direction) if self.direction else None,
            results=frozenset(self.results),
            trunks=frozenset(called for name in self.trunks for called in (name, _comparable(name, region))),
            extensions=frozenset(self.extensions),
            queues=frozenset(self.queues),
            numbers=frozenset(_e164(number, region) for number in self.numbers if not is_pattern(number)),
            patterns=_compiled([number for number in self.numbers if is_pattern(number)]),
            client=self.client,
            hours=self.hours,
        )


def _comparable(name: str, region: str) -> str:
    """Of a trunk, or a number of ours in whichever spelling."""
    return comparable(name, region) if is_number(name) else name


def is_number(name: str) -> bool:
    """And no trunk's name."""
    return re.fullmatch(r"\+?[\d\s().-]*\d[\d\s().-]*", name) is not None


def _plan(task: TaskConfig | bool | None) -> TaskPlan | bool | None:
    if not isinstance(task, TaskConfig):
        return task
    return TaskPlan(title=task.title, text=task.text, within=timedelta(minutes=task.within_minutes))


def _callback(callback: CallbackConfig | bool | None) -> CallbackPlan | bool | None:
    if not isinstance(callback, CallbackConfig):
        return callback
    return CallbackPlan(
        after=timedelta(seconds=callback.after_seconds),
        to=callback.to,
        again=timedelta(minutes=callback.again_minutes),
    )


class HoursConfig(Part):
    opens: time = Field(time(9), description="When the office opens.")
    closes: time = Field(time(18), description="When it closes; earlier than opens: after midnight.")
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        ("mon", "tue", "wed", "thu", "fri"), description="On which days."
    )
    holidays: tuple[date, ...] = Field((), description="Days on which it stays closed.")

    def hours(self, zone: ZoneInfo) -> WorkingHours:
        days = frozenset(WEEK.index(day) for day in self.days)
        return WorkingHours(
            opens=self.opens, closes=self.closes, days=days, holidays=frozenset(self.holidays), zone=zone
        )


WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _compiled(patterns: list[str]) -> NumberPatterns | None:
    return compile_patterns("\n".join(patterns)) if patterns else None


def _e164(number: str, region: str) -> str:
    parsed = parse_number(number, region)
    return str(parsed) if parsed else number
