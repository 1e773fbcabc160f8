"""A PBX and a portal in memory, as far as dialling knows them."""

from __future__ import annotations

import asyncio

from ringbridge.ami.errors import AmiError
from ringbridge.ami.message import Action, ActionId, Message
from ringbridge.ami.protocol import Answer
from ringbridge.routing.dialing import DialRequest
from ringbridge.routing.intents import PortalId, UserId
from ringbridge.routing.office import Portal, Staff

MAIN = PortalId("main")
STAFF = Staff(default=UserId("9"), users={"101": UserId("1"), "102": UserId("2")})


class Switchboard:
    """A PBX that does as it is told, or as `fails` says."""

    def __init__(self) -> None:
        self.asked: list[Action] = []
        self.live: set[str] = set()
        self.fails: AmiError | None = None
        self.dialled = asyncio.Event()

    async def action(self, action: Action) -> Answer:
        response = Message((("Response", "Success"),))
        if action.name == "CoreShowChannels":
            rows = tuple(Message((("Uniqueid", channel),)) for channel in self.live)
            return Answer(action_id=ActionId("1"), response=response, rows=rows)
        self.asked.append(action)
        self.dialled.set()
        if self.fails:
            raise self.fails
        return Answer(action_id=ActionId("1"), response=response)


class Crm:
    """A portal that remembers what calls it waits for."""

    def __init__(self) -> None:
        self.adopted: dict[str, str] = {}
        self.ordered: set[str] = set()

    @property
    def routing(self) -> Portal:
        return Portal(id=MAIN, staff=STAFF, adopted=self.adopted, ordered=self.ordered)

    def expect(self, channels: tuple[str, ...], request: DialRequest) -> None:
        if request.crm_call_id:
            self.adopted.update(dict.fromkeys(channels, request.crm_call_id))
        else:
            self.ordered.update(channels)

    def forget(self, channels: tuple[str, ...]) -> None:
        for channel in channels:
            self.adopted.pop(channel, None)
