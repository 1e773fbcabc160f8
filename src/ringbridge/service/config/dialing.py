"""The part of the configuration that says how a call is made that somebody asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Protocol

import phonenumbers
from pydantic import AfterValidator, Field, field_validator

from ringbridge.routing.dialing import DialPlan, LinePlan, Spelling
from ringbridge.service.config.parts import Part


class EventsBy(StrEnum):
    """How a portal's events come to us."""

    AUTO = "auto"
    ONLINE = "online"
    OFFLINE = "offline"
    OFF = "off"


def _known_fields(template: str) -> str:
    """The template with its ``{extension}``, ``{number}`` and ``{context}``; any other brace is a mistake."""
    try:
        template.format(extension="101", number="79125551122", context="from-internal")
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(f"{template!r}: in braces may stand extension, number or context") from error
    return template


class Line(Protocol):
    """A trunk, as far as dialling goes."""

    @property
    def name(self) -> str: ...
    @property
    def line(self) -> str | None: ...
    @property
    def numbers(self) -> tuple[str, ...]: ...
    @property
    def dial_prefix(self) -> str: ...
    @property
    def dial_context(self) -> str: ...
    @property
    def dial_variables(self) -> Mapping[str, str]: ...


LONGEST_RETRY = 24 * 3600

ChannelTemplate = Annotated[str, AfterValidator(_known_fields)]


class DialingConfig(Part):
    pbx: str | None = Field(None, description="The PBX that dials, where there are several; else the first.")
    channel: ChannelTemplate = Field("PJSIP/{extension}", description="Rings an employee's phone.")
    outside_channel: ChannelTemplate = Field(
        "Local/{extension}@{context}/n", description="Rings an employee's mobile, or the group of clients' orders."
    )
    context: str = Field("from-internal", description="Context of the dialplan from which clients are dialled.")
    ring_seconds: int = Field(30, ge=5, le=120, description="How long the employee's phone rings.")
    caller_id: ChannelTemplate = Field("{number}", description="What the employee's phone shows while it rings.")
    variables: dict[str, ChannelTemplate] = Field(
        default_factory=dict,
        description='Channel variables. FreePBX: { REALCALLERIDNUM = "{extension}", AMPUSER = "{extension}" }',
    )
    auto_answer: str = Field(
        "",
        pattern=r"^([A-Za-z-]+:[^\r\n]+)?$",
        description='SIP header that makes the employee\'s phone answer by itself: "Call-Info: ;answer-after=0".',
    )
    number_format: Spelling = Field(
        Spelling.DIGITS, description="How the dialplan wants numbers: digits (7912…), plus (+7912…), national (8912…)."
    )
    callback_to: str = Field("", description="Extension, ring group or queue that rings when a client orders a call.")
    callback_retries: tuple[int, ...] = Field(
        (),
        max_length=20,
        description="Seconds after which a client's order is dialled again, one for each further attempt: "
        "[60, 300, 900]. Outside of working hours they wait until the office opens.",
    )
    callbacks_at_once: int = Field(
        3, ge=1, le=100, description="So many orders that waited are dialled together; the next when one has ended."
    )
    groups: tuple[str, ...] = Field(
        (), description="Groups and queues that a program may let ring first, besides callback_to; see [[api_token]]."
    )
    allowed: tuple[str, ...] = Field((), description="Beginnings of numbers that may be dialled whatever follows here.")
    denied: tuple[str, ...] = Field((), description="Beginnings of numbers that are never dialled.")
    countries: tuple[str, ...] = Field((), description="Countries that may be called (RU, KZ); none named: all.")
    callback_countries: tuple[str, ...] | None = Field(
        None, description="The same for calls that clients order in a form; by default the office's own country."
    )
    per_minute: int = Field(10, ge=1, le=1000, description="Calls that one employee may ask for in a minute.")
    working_hours_only: bool = Field(False, description="Nothing is dialled outside of working hours, see [hours].")

    @field_validator("callback_retries")
    @classmethod
    def _retries(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= seconds <= LONGEST_RETRY for seconds in value):
            raise ValueError(f"each pause is 1 to {LONGEST_RETRY} seconds")
        return value

    @field_validator("countries", "callback_countries")
    @classmethod
    def _countries(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for country in value or ():
            if country not in phonenumbers.SUPPORTED_REGIONS:
                raise ValueError(f"{country!r} is no country code of two capital letters, such as RU")
        return value

    def plan(self, trunks: Iterable[Line], region: str, numbers: Iterable[tuple[str, str]] = ()) -> DialPlan:
        """`numbers`: lines of single numbers, each with the trunk by which it is dialled."""
        lines: dict[str, LinePlan] = {}
        for trunk in trunks:
            line = LinePlan(prefix=trunk.dial_prefix, context=trunk.dial_context, variables=trunk.dial_variables)
            lines |= {name: line for name in (*trunk.numbers, trunk.name, trunk.line) if name}
        lines |= {name: lines[trunk] for name, trunk in numbers if trunk}
        ordered = self.callback_countries
        return DialPlan(
            channel=self.channel,
            outside_channel=self.outside_channel,
            context=self.context,
            ring=timedelta(seconds=self.ring_seconds),
            caller_id=self.caller_id,
            variables=self.variables,
            auto_answer=self.auto_answer,
            spelling=self.number_format,
            lines=lines,
            callback_to=self.callback_to,
            retries=tuple(timedelta(seconds=seconds) for seconds in self.callback_retries),
            at_once=self.callbacks_at_once,
            allowed=self.allowed,
            denied=self.denied,
            countries=frozenset(self.countries),
            callback_countries=frozenset((region,) if ordered is None else ordered),
            per_minute=self.per_minute,
            working_hours_only=self.working_hours_only,
        )
