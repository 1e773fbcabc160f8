"""The part of the configuration that says whom incoming calls are put through to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from ringbridge.routing.distribution import Mobiles, NamePart, NewClients, Order, Policy, Step, Unreachable, Vip
from ringbridge.service.config.parts import Part, Patterns, Secret
from ringbridge.telephony.numbers import compile_patterns


def _dialled(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._*#+-]{0,32}", value):
        raise ValueError(f"{value!r} is no extension: letters, digits and . _ * # + - only, at most 32")
    return value


def _each_once(value: tuple[Step, ...]) -> tuple[Step, ...]:
    for step in value:
        if value.count(step) > 1:
            raise ValueError(f"{step} stands twice")
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for one in value:
        try:
            ip_network(one, strict=False)
        except ValueError as error:
            raise ValueError(f"{one!r} is no address or network, such as 10.0.0.5 or 10.0.0.0/24") from error
    return value


def _token(value: Secret) -> Secret:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,}", value.get_secret_value()):
        raise ValueError("take 16 or more letters, digits, - and _: openssl rand -hex 16")
    return value


def _naming_an_extension(value: str) -> str:
    if "{extension}" not in value or re.search(r"[\s,;]", value):
        raise ValueError(f"{value!r} must hold {{extension}}, as in PJSIP/{{extension}}, and no comma or blank")
    return value


Dialled = Annotated[str, AfterValidator(_dialled)]
"""An extension that the dialplan dials: a phone's, a ring group's or a queue's."""


class NewClientsConfig(Part):
    extensions: tuple[Dialled, ...] = Field(
        (), description="Phones, ring groups or queues, one behind the other; none: the normal route."
    )
    order: Order = Field(
        Order.LISTED,
        description="Which of them is first: listed, round_robin, random, or least_loaded: who got fewest today.",
    )

    def plan(self) -> NewClients:
        return NewClients(extensions=self.extensions, order=self.order)


class VipConfig(Part):
    numbers: Patterns = Field(
        min_length=1, description="Clients' numbers, or patterns such as 8123456XXXX, where X is any digit."
    )
    extensions: tuple[Dialled, ...] = Field(
        min_length=1, description="Who rings for them at any hour, one behind the other."
    )


class DistributionConfig(Part):
    enabled: bool = Field(False, description="Whether the dialplan is told whom to ring; false: the normal route.")
    steps: Annotated[tuple[Step, ...], AfterValidator(_each_once)] = Field(
        Policy().steps,
        description="Who rings for a known client, in this order: last_spoke, responsible, deputy, department, group.",
    )
    deal_first: bool = Field(True, description="The responsible of the deal at work goes before the contact's.")
    last_spoke_days: int = Field(30, ge=1, le=365, description="For so long last_spoke remembers who spoke.")
    busy: Unreachable = Field(Unreachable.SKIP, description="A phone that is in a call: skip, or ring anyway.")
    off_shift: Unreachable = Field(
        Unreachable.SKIP, description="Who has ended or interrupted their working day in the CRM: skip, or ring anyway."
    )
    mobiles: Mobiles = Field(
        Mobiles.NEVER,
        description="Employees' mobiles ring: never, instead (where they have no phone on the PBX that can be rung), "
        "or after (behind their phones).",
    )
    group: Dialled = Field("", description="Ring group or queue of the step group, for who has none of their own.")
    working_hours_only: bool = Field(
        False, description="Lines without hours of their own follow [hours]; else they are always open."
    )
    outside_hours: Dialled = Field("", description="Extension that rings when the line is closed; else normal route.")
    most_people: int = Field(4, ge=1, le=20, description="So many people ring at most, one behind the other.")
    ring_seconds: int = Field(20, ge=5, le=120, description="How long an employee's phone rings.")
    group_seconds: int = Field(60, ge=5, le=3600, description="How long a ring group or queue rings.")
    rejected_seconds: int = Field(
        30, ge=0, le=60, description="For so long a phone is left in peace by a caller whom it did not take."
    )
    vip: tuple[VipConfig, ...] = Field((), description="Clients who always reach somebody certain.")
    choices: dict[str, Dialled] = Field(
        default_factory=dict,
        description='What a choice in the menu means: { 2 = "602", 1 = "" }; an empty one takes the steps.',
    )
    caller_name: tuple[NamePart, ...] = Field(
        Policy().caller_name, description="What the phone shows, in this order: client, company, trunk."
    )
    budget_ms: int = Field(
        300, ge=10, le=900, description="So many milliseconds an answer takes at most; the CRM is asked within them."
    )
    token: Annotated[Secret, AfterValidator(_token)] | None = Field(
        None, description="Opens GET /route to other machines; this one needs none."
    )
    agi: bool = Field(True, description="Take the dialplan's questions by FastAGI as well.")
    agi_host: str = Field("127.0.0.1", description="Address on which FastAGI questions are taken.")
    agi_port: int = Field(4574, ge=1, le=65535, description="Its port; FreePBX has a server of its own on 4573.")
    agi_peers: Annotated[tuple[str, ...], AfterValidator(_networks)] = Field(
        ("127.0.0.0/8", "::1"), description="Addresses or networks (10.0.0.0/24) that may ask by FastAGI."
    )
    phone: Annotated[str, AfterValidator(_naming_an_extension)] = Field(
        "PJSIP/{extension}", description="How a plain Asterisk's dialplan dials a phone; FreePBX knows by itself."
    )
    dial_options: str = Field("tT", pattern=r"^[A-Za-z]*$", description="Options of Dial there.")
    group_context: str = Field(
        "from-internal",
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="Context of the dialplan in which ring groups and queues are dialled.",
    )

    def vips(self) -> Iterable[Vip]:
        for row in self.vip:
            yield Vip(numbers=compile_patterns("\n".join(row.numbers)), extensions=row.extensions)

    def policy(self) -> Policy:
        """What needs nothing else of the office."""
        return Policy(
            enabled=self.enabled,
            steps=self.steps,
            deal_first=self.deal_first,
            busy=self.busy,
            off_shift=self.off_shift,
            mobiles=self.mobiles,
            last_spoke_within=timedelta(days=self.last_spoke_days),
            group=self.group,
            ring_seconds=self.ring_seconds,
            group_seconds=self.group_seconds,
            most_people=self.most_people,
            rejected_within=timedelta(seconds=self.rejected_seconds),
            outside_hours=self.outside_hours,
            vips=tuple(self.vips()),
            choices=self.choices,
            caller_name=self.caller_name,
        )
