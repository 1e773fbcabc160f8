"""A folder of hooks, and somebody who asks them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from ringbridge.hooks.context import Asked, Surroundings
from ringbridge.hooks.facts import phone_call
from ringbridge.hooks.outcome import HookOutcome
from ringbridge.hooks.runner import Hooks, HookSettings
from ringbridge.hooks.specs import SPECS, Of
from ringbridge.hooks.values import PhoneCall, Stage
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff
from ringbridge.telephony.model import Call, CallId, Direction, Disposition, Extension, Leg, LegResult, Talk

START = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
MOSCOW = timezone(timedelta(hours=3))

PORTAL = Portal(
    id=PortalId("main"),
    staff=Staff(
        default=UserId("1"),
        users={"101": UserId("5"), "102": UserId("7")},
        names={"101": "Anna", "102": "Oleg"},
    ),
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def answered_call() -> Call:
    """101 rings 12 seconds, answers, speaks half a minute."""
    return Call(
        id=CallId("1773129600.7"),
        direction=Direction.INBOUND,
        start=START,
        end=at(42),
        external="+79125551122",
        did="74951112233",
        trunk="mango",
        legs=(
            Leg(
                extension=Extension("101"),
                channel="1773129600.8",
                ring_start=at(2),
                answer=at(12),
                end=at(42),
                result=LegResult.ANSWERED,
            ),
        ),
        talks=(Talk(extension=Extension("101"), start=at(12), end=at(42)),),
        disposition=Disposition.ANSWERED,
    )


def missed_call() -> Call:
    return Call(
        id=CallId("1773129600.9"),
        direction=Direction.INBOUND,
        start=START,
        end=at(20),
        external="+79125551122",
        did="74951112233",
        trunk="mango",
        legs=(
            Leg(
                extension=Extension("101"),
                channel="1773129600.10",
                ring_start=at(2),
                end=at(20),
                result=LegResult.NO_ANSWER,
            ),
        ),
        disposition=Disposition.MISSED,
    )


def seen(call: Call) -> PhoneCall:
    return phone_call(call, pbx="office", portal=PORTAL)


@dataclass
class Portals:
    """A CRM that answers from a list, and keeps what it was asked."""

    kind: str = "bitrix24"
    answers: list[Any] = field(default_factory=list)
    asked: list[tuple[str, Mapping[str, Any] | None]] = field(default_factory=list)

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        self.asked.append((method, params))
        return self.answers.pop(0)


class NoCalls:
    async def calls(self, number: str, limit: int = 20) -> list[PhoneCall]:
        return []


@dataclass
class Desk:
    folder: Path
    hooks: Hooks
    crm: Portals

    def write(self, name: str, text: str, *, mode: int = 0o644) -> Path:
        path = self.folder / name
        path.write_text(dedent(text).lstrip(), encoding="utf-8")
        path.chmod(mode)
        return path

    def program(self, name: str, text: str) -> Path:
        return self.write(name, text, mode=0o755)

    async def ask(
        self, hook: str, value: Any, *, call: Call | None = None, once: str = "", **given: Any
    ) -> HookOutcome:
        spec = SPECS[hook]
        if spec.of is not Of.ANY:
            self.crm.kind = spec.of.value
        possible = {"call": seen(call or answered_call()), "stage": Stage.CALL_ENDED, **given}
        wanted = {name: possible[name] for name in spec.arguments if name in possible and name != spec.value}
        asked = Asked(portal="main", crm=self.crm, journal=NoCalls(), call="office-1773129600.7")
        return await self.hooks.apply(hook, value, wanted, asked, once=once)


def settings_for(folder: Path, **changes: Any) -> HookSettings:
    surroundings = Surroundings(settings={"prefix": "8", "numbers": ["one", "two"]}, secrets={"token": "open sesame"})
    values: dict[str, Any] = {"folder": folder, "zone": MOSCOW, "surroundings": surroundings}
    return HookSettings(**{**values, **changes})


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    os.environ["A_SECRET_OF_OURS"] = "hidden"
    hooks = Hooks(settings_for(tmp_path))
    yield Desk(folder=tmp_path, hooks=hooks, crm=Portals())
    hooks.close()
    del os.environ["A_SECRET_OF_OURS"]
